"""Who may use a port or route: the first authorization that the client meets allows it.

A client meets one when its address is in one of its networks and it is authenticated as the authorization says.
Identities are exact names, "*" for any; suffixes are DNS suffixes and never match URI identities (Linkerd).
"""

from collections.abc import Callable, Iterable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import NamedTuple

from linkerd_contract.inbound import AuthnKind, Authorization, Network
from linkerd_contract.resource import ResourceRef

MAX_REMEMBERED = 1024


class Verdict(NamedTuple):
    """Whether a client is allowed, by (or for want of) which object, and whether that must be logged."""

    allowed: bool
    resource: ResourceRef
    audit: bool = False


InNetwork = Callable[[int, int], bool]
"""Of an address's version (4 or 6) and its value as an integer."""


def compile_network(network: Network) -> InNetwork:
    """Raises ValueError for what is no CIDR."""
    version, low, high = _range(network.cidr)
    holes = [_range(cidr) for cidr in network.except_]

    def contains(v: int, value: int) -> bool:
        if v != version or not low <= value <= high:
            return False
        return not any(v == hole and first <= value <= last for hole, first, last in holes)

    return contains


def _range(cidr: str) -> tuple[int, int, int]:
    net = ip_network(cidr, strict=False)
    return net.version, int(net.network_address), int(net.broadcast_address)


class CompiledAuthorization:
    """One authorization. What it says wrongly (a bad CIDR) authorizes nobody."""

    __slots__ = ("_anyone", "_identities", "_kind", "_networks", "_suffixes", "verdict")

    def __init__(self, authorization: Authorization) -> None:
        self.verdict = Verdict(True, authorization.resource, authorization.audit)
        self._kind = authorization.authn
        self._anyone = "*" in authorization.identities or "" in authorization.suffixes
        self._identities = frozenset(authorization.identities)
        self._suffixes = tuple("." + suffix.lstrip(".") for suffix in authorization.suffixes if suffix)
        self._networks: list[InNetwork] = []
        try:
            self._networks = [compile_network(network) for network in authorization.networks]
        except ValueError:
            self._kind = AuthnKind.unknown

    def allows(self, version: int, address: int, identity: str | None, tls: bool) -> bool:
        """Whether this client meets it."""
        if self._networks and not any(contains(version, address) for contains in self._networks):
            return False
        if self._kind is AuthnKind.unauthenticated:
            return True
        if self._kind is AuthnKind.tls_unauthenticated:
            return tls
        if self._kind is AuthnKind.tls_authenticated and tls and identity:
            if self._anyone or identity in self._identities:
                return True
            return "://" not in identity and bool(self._suffixes) and identity.endswith(self._suffixes)
        return False


class Authorizer:
    """The authorizations of a port or route, in order. `server` is named in a denial."""

    __slots__ = ("_authorizations", "_denied", "_remembered")

    def __init__(self, authorizations: Iterable[Authorization], server: ResourceRef) -> None:
        self._authorizations = [CompiledAuthorization(authorization) for authorization in authorizations]
        self._denied = Verdict(False, server)
        self._remembered: dict[tuple[str, str | None, bool], Verdict] = {}

    def authorize(self, client_ip: str, identity: str | None, tls: bool) -> Verdict:
        """The verdict on a client; `identity` only where its certificate was verified. Costs a look-up when known."""
        key = (client_ip, identity, tls)
        verdict = self._remembered.get(key)
        if verdict is None:
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
            verdict = self._remembered[key] = self._decide(*key)
        return verdict

    def _decide(self, client_ip: str, identity: str | None, tls: bool) -> Verdict:
        address = ip_address(client_ip)
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        for authorization in self._authorizations:
            if authorization.allows(address.version, int(address), identity, tls):
                return authorization.verdict
        return self._denied
