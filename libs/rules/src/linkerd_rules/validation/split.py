"""TrafficSplit (split.smi-spec.io v1alpha1, v1alpha2): shares of an apex Service's traffic for leaf Services."""

from msgspec import Struct

from linkerd_rules.validation.fields import Fields, is_dns_label
from linkerd_rules.validation.meta import Meta, Reading, Resource, read_document
from linkerd_rules.validation.quantity import parse_weight


class Leaf(Struct, frozen=True, kw_only=True):
    """A Service of the split's namespace. `weight` in thousandths."""

    service: str
    weight: int


class Split(Resource, frozen=True, kw_only=True):
    """A split. All weights zero: the apex keeps its traffic."""

    service: str
    backends: tuple[Leaf, ...] = ()


def read_traffic_split(obj: object) -> Reading[Split]:
    """A TrafficSplit."""
    return read_document(obj, _split)


def _split(meta: Meta, _annotations: Fields, spec: Fields) -> Split:
    apex = _service(spec, meta)
    leaves: list[Leaf] = []
    for fields in spec.children("backends", required=True):
        leaf = Leaf(service=_service(fields, meta), weight=parse_weight(fields, "weight"))
        if any(leaf.service == other.service for other in leaves):
            fields.problem("service", f"{leaf.service} is listed twice; add the weights up")
        fields.done()
        leaves.append(leaf)
    if spec.has("backends") and not leaves:
        spec.problem("backends", "must name at least one Service")
    return Split(meta=meta, service=apex, backends=tuple(leaves))


def _service(fields: Fields, meta: Meta) -> str:
    """The name; some write the split's namespace behind it: web, web.emojivoto, web.emojivoto.svc.cluster.local."""
    text = fields.text("service", required=True)
    name, dot, rest = text.partition(".")
    if text and (not is_dns_label(name) or (dot and rest.partition(".")[0] != meta.namespace)):
        fields.problem("service", f"{text!r} is not the name of a Service of namespace {meta.namespace}")
    return name
