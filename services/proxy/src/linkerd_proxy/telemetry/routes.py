"""Label sets of outbound and inbound routes, and the families that are theirs alone."""

from linkerd_contract.resource import ResourceRef
from linkerd_proxy.telemetry.labels import join, render, resource
from linkerd_proxy.telemetry.registry import Counter, Registry


class RetrySeries:
    """Retries of one route."""

    __slots__ = ("limit_exceeded", "overflow", "requests", "successes")

    def __init__(self, families: "RetryFamilies", labels: str) -> None:
        self.requests: Counter = families.requests.labels(base=labels)
        self.successes: Counter = families.successes.labels(base=labels)
        self.limit_exceeded: Counter = families.limit_exceeded.labels(base=labels)
        self.overflow: Counter = families.overflow.labels(base=labels)


class RetryFamilies:
    """outbound_{http,grpc}_route_retry_*."""

    def __init__(self, registry: Registry, protocol: str) -> None:
        stem = f"outbound_{protocol}_route_retry"
        self.requests = registry.counter(f"{stem}_requests_total", "Requests that were sent again.")
        self.successes = registry.counter(f"{stem}_successes_total", "Requests that succeeded when sent again.")
        self.limit_exceeded = registry.counter(
            f"{stem}_limit_exceeded_total", "Requests not sent again because of the limit of retries."
        )
        self.overflow = registry.counter(
            f"{stem}_overflow_total", "Requests not sent again because no endpoint was available."
        )

    def series(self, labels: str) -> RetrySeries:
        """The bundle of one route; `labels` as route_labels makes them."""
        return RetrySeries(self, labels)


class ConnectionRouteFamilies:
    """outbound_{tcp,tls}_route_{open,close}_total, of connections that are not HTTP."""

    def __init__(self, registry: Registry, protocol: str) -> None:
        stem = f"outbound_{protocol}_route"
        self.open = registry.counter(f"{stem}_open_total", "Connections that a route took.")
        self.close = registry.counter(f"{stem}_close_total", "Connections of a route that ended.", ("error",))


def parent_labels(parent: ResourceRef) -> str:
    """parent_{group,kind,namespace,name,port,section_name} of outbound metrics."""
    return _full("parent", parent)


def backend_labels(parent: ResourceRef, backend: ResourceRef) -> str:
    """parent_* and backend_* labels."""
    return join(_full("parent", parent), _full("backend", backend))


def route_labels(parent: ResourceRef, route: ResourceRef, hostname: str = "") -> str:
    """parent_* and route_{group,kind,namespace,name} labels, and hostname where it is wanted."""
    pairs = resource("route", route)
    pairs.insert(2, ("route_namespace", route.namespace))
    pairs.append(("hostname", hostname))
    return join(_full("parent", parent), render(pairs))


def route_backend_labels(parent: ResourceRef, route: ResourceRef, backend: ResourceRef) -> str:
    """parent_*, route_* and backend_* labels."""
    return join(route_labels(parent, route), _full("backend", backend))


def inbound_labels(server: ResourceRef, port: int, route: ResourceRef) -> str:
    """parent_{group,kind,name,port} and route_{group,kind,name} of the newer inbound families."""
    return render([*resource("parent", server, port), *resource("route", route)])


def _full(prefix: str, ref: ResourceRef) -> str:
    pairs = resource(prefix, ref, ref.port)
    pairs.insert(2, (f"{prefix}_namespace", ref.namespace))
    pairs.append((f"{prefix}_section_name", ref.section))
    return render(pairs)
