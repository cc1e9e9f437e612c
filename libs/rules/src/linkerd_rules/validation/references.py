"""References from one object to another, and what policies say about clients: networks and identities."""

import ipaddress
import re

from msgspec import Struct

from linkerd_contract.inbound import Network
from linkerd_rules.validation.fields import Fields, is_dns_label

POLICY_GROUP = "policy.linkerd.io"
GATEWAY_GROUP = "gateway.networking.k8s.io"
# An identity, "*", or "*.SUFFIX" (the CRDs' pattern).
_IDENTITY = re.compile(r"(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?)(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_MAX_IDENTITY = 253


class Ref(Struct, frozen=True, kw_only=True):
    """An object in `namespace`; "core" is the empty group's other name."""

    group: str
    kind: str
    namespace: str
    name: str


def read_ref(fields: Fields, namespace: str, group: str = "", kind: str = "") -> Ref:
    """A reference; without a namespace of its own it is into `namespace`. `group` and `kind` are its defaults."""
    found = fields.text("group", group)
    ref = Ref(
        group="" if found == "core" else found,
        kind=fields.text("kind", kind, required=not kind),
        namespace=fields.text("namespace", namespace),
        name=fields.text("name", required=True),
    )
    if ref.namespace and not is_dns_label(ref.namespace):
        fields.problem("namespace", f"{ref.namespace!r} is not the name of a namespace")
    return ref


def read_networks(parent: Fields, name: str, *, required: bool = False) -> list[Network]:
    """CIDRs, each with what is cut out of it."""
    networks: list[Network] = []
    for fields in parent.children(name, required=required):
        cidr = _cidr(fields, "cidr", fields.text("cidr", required=True))
        excepted = [
            text
            for n, text in enumerate(fields.texts("except"))
            if (hole := _cidr(fields, f"except[{n}]", text)) is None or cidr is None or _inside(fields, n, hole, cidr)
        ]
        fields.done()
        if cidr is not None:
            networks.append(Network(cidr=str(cidr), except_=excepted))
    return networks


Net = ipaddress.IPv4Network | ipaddress.IPv6Network


def _cidr(fields: Fields, name: str, text: str) -> Net | None:
    if not text:
        return None
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        fields.problem(name, f"{text!r} is not a network; write 10.0.0.0/8, with no bits set behind the prefix")
        return None


def _inside(fields: Fields, n: int, hole: Net, cidr: Net) -> bool:
    if hole.version != cidr.version or not cidr.overlaps(hole):
        fields.problem(f"except[{n}]", f"{hole} is not inside of {cidr}")
    return True


def read_identities(fields: Fields, name: str) -> tuple[str, ...]:
    """Mesh identities: exact names, "*", "*.SUFFIX"; spiffe:// names are exact."""
    found = fields.texts(name)
    for n, text in enumerate(found):
        if not text.startswith("spiffe://") and (len(text) > _MAX_IDENTITY or not _IDENTITY.fullmatch(text)):
            example = "web.emojivoto.serviceaccount.identity.linkerd.cluster.local, *.SUFFIX or *"
            fields.problem(f"{name}[{n}]", f"{text!r} is not an identity; write {example}")
    return tuple(found)
