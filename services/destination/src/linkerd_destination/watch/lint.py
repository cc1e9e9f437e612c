"""What is wrong with an object that was read nevertheless.

Annotations are passed over for their default; an object of a kind with a status has no effect, and its status says so.
"""

from linkerd_destination.index.config import INBOUND_POLICIES
from linkerd_destination.index.objects import Namespace, Object, Pod, Service
from linkerd_destination.translate.ports import port_set
from linkerd_rules.validation.annotations import read_traffic_annotations
from linkerd_rules.validation.meta import Resource

UNREADABLE = "Unreadable"
_ANNOTATION = "InvalidAnnotation"


def problems(obj: Object) -> list[tuple[str, str]]:
    """An Event's reason and a sentence, for each problem."""
    if isinstance(obj, Resource):
        return [(UNREADABLE, f"not used: {obj.unusable}")] if obj.unusable else []
    return [(_ANNOTATION, message) for message in _annotations(obj)]


def uid_of(obj: Object) -> str:
    """What tells the object from a later one of its name; "" where that is not kept."""
    if isinstance(obj, Resource):
        return obj.meta.uid
    return obj.uid if isinstance(obj, Namespace | Service | Pod) else ""


def _annotations(obj: Object) -> list[str]:
    if not isinstance(obj, Namespace | Service | Pod):
        return []
    found = [_ports("opaque-ports", obj.opaque_ports)]
    if isinstance(obj, Service) and obj.traffic:
        found += map(str, read_traffic_annotations(dict(obj.traffic))[1])
    if isinstance(obj, Pod):
        found.append(_ports("skip-inbound-ports", obj.skip_inbound_ports))
        found.append(_ports("proxy-require-identity-inbound-ports", obj.require_identity_ports))
    if isinstance(obj, Pod | Namespace):
        policy = obj.default_inbound_policy
        if policy is not None and policy not in INBOUND_POLICIES:
            words = ", ".join(INBOUND_POLICIES)
            found.append(f"config.linkerd.io/default-inbound-policy: {policy!r} is not one of {words}")
    return [message for message in found if message]


def _ports(annotation: str, text: str | None) -> str:
    if text is None:
        return ""
    try:
        port_set(text)
    except ValueError as error:
        return f"config.linkerd.io/{annotation}: {error}"
    return ""
