"""PURE: the backends of one outbound document: each Service and port once, with its endpoints."""

from dataclasses import dataclass, field
from math import gcd

from linkerd_contract.outbound import Backend, BackendStatus, WeightedBackend
from linkerd_contract.resource import ResourceRef
from linkerd_destination.index.objects import Service
from linkerd_destination.index.state import View
from linkerd_destination.translate.endpoints import Caller, service_endpoints


@dataclass(slots=True)
class Backends:
    """Collects backends by reference. `ipv6`: the family in which the application dialled; None: either."""

    view: View
    caller: Caller
    ipv6: bool | None
    found: dict[str, Backend] = field(default_factory=dict)

    def service(self, service: Service, port: int, hostname: str = "") -> str:
        """A Service that is there. A port that it does not define is taken literally (Linkerd)."""
        ref = f"{service.namespace}/{service.name}:{port}"
        if ref not in self.found:
            defined = next((p for p in service.ports if p.port == port), None)
            endpoints = service_endpoints(
                self.view, service, port, None if defined is None else defined.name, self.ipv6, self.caller, hostname
            )
            self.found[ref] = Backend(
                resource=service_ref(service.namespace, service.name, port),
                labels={"service": service.name, "namespace": service.namespace},
                endpoints=endpoints,
            )
        return ref

    def leaf(self, namespace: str, name: str, port: int) -> str:
        """A leaf of a split. One that is not there has no endpoints: its share goes to the others meanwhile."""
        service = self.view.service(namespace, name)
        if service is not None and not service.external_name:
            return self.service(service, port)
        ref = f"{namespace}/{name}:{port}"
        self.found.setdefault(
            ref,
            Backend(resource=service_ref(namespace, name, port), labels={"service": name, "namespace": namespace}),
        )
        return ref

    def alias(self, ref: str, name: str) -> str:
        """The same backend under another reference."""
        self.found.setdefault(name, self.found[ref])
        return name

    def missing(self, resource: ResourceRef) -> str:
        """What a route names and is not there: its share is answered with 500."""
        ref = f"missing:{resource.group}/{resource.kind}/{resource.namespace}/{resource.name}:{resource.port}"
        self.found.setdefault(ref, Backend(resource=resource, status=BackendStatus.missing))
        return ref


def service_ref(namespace: str, name: str, port: int = 0) -> ResourceRef:
    """A Service, as metric labels name it."""
    return ResourceRef(group="core", kind="Service", namespace=namespace, name=name, port=port)


def shares(milli: list[tuple[str, int]]) -> list[WeightedBackend]:
    """Weights in thousandths, as small whole numbers where they are whole; those of one reference added up."""
    totals: dict[str, int] = {}
    for ref, weight in milli:
        totals[ref] = totals.get(ref, 0) + weight
    unit = gcd(1000, *totals.values())
    return [WeightedBackend(ref=ref, weight=weight // unit) for ref, weight in totals.items()]
