"""Server (policy.linkerd.io v1beta1 to v1beta3): one port of the pods that it selects, and what holds there."""

from linkerd_contract.outbound import Protocol
from linkerd_rules.policy.defaults import DEFAULT_POLICIES
from linkerd_rules.validation.fields import Fields
from linkerd_rules.validation.meta import Meta, Reading, Resource, read_document
from linkerd_rules.validation.selector import Selector, read_labels, read_selector

PROTOCOLS = {
    "unknown": Protocol.detect,
    "HTTP/1": Protocol.http1,
    "HTTP/2": Protocol.http2,
    "gRPC": Protocol.grpc,
    "opaque": Protocol.opaque,
    "TLS": Protocol.tls,
}


class Server(Resource, frozen=True, kw_only=True):
    """A Server. `pods` None: it selects external workloads. `port` is a number or the name of a container port."""

    labels: tuple[tuple[str, str], ...] = ()
    pods: Selector | None = None
    port: int | str = 0
    protocol: Protocol = Protocol.detect
    access_policy: str = "deny"


def read_server(obj: object) -> Reading[Server]:
    """A Server."""
    labels = labels_of(obj)

    def read(meta: Meta, _annotations: Fields, spec: Fields) -> Server:
        which = spec.one_of("podSelector", "externalWorkloadSelector")
        pods, external = spec.child("podSelector"), spec.child("externalWorkloadSelector")
        if external is not None:
            read_selector(external)
        return Server(
            meta=meta,
            labels=labels,
            pods=read_selector(pods) if which == "podSelector" else None,
            port=_port(spec),
            protocol=PROTOCOLS[spec.choice("proxyProtocol", PROTOCOLS, "unknown") or "unknown"],
            access_policy=spec.choice("accessPolicy", DEFAULT_POLICIES, "deny") or "deny",
        )

    return read_document(obj, read)


def labels_of(obj: object) -> tuple[tuple[str, str], ...]:
    """The labels of a document."""
    metadata = obj.get("metadata") if isinstance(obj, dict) else None
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    return read_labels(Fields(labels, "metadata.labels", [])) if labels else ()


def _port(spec: Fields) -> int | str:
    value = spec.raw("port", required=True)
    if isinstance(value, str) and value:
        if value.isdecimal():
            spec.problem("port", f"{value!r} is a number in quotes; write it without, or the name of a container port")
        return value
    return spec.integer("port", 1, 65535) or 0
