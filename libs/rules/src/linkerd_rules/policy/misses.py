"""The nearest miss: which rule would almost have taken a request or allowed a client, and what was wanting.

For explanations only. It uses the matchers and the authorizations that decide traffic, one part at a time.
"""

from collections.abc import Iterable
from ipaddress import ip_address

from msgspec.structs import replace

from linkerd_contract.inbound import AuthnKind, Authorization
from linkerd_contract.matching import Condition, StringMatch
from linkerd_contract.resource import ResourceRef
from linkerd_rules.policy.authz import CompiledAuthorization
from linkerd_rules.policy.match import Request, compile_condition, compile_host
from linkerd_rules.policy.regex import BadRegex

Miss = tuple[int, str]
"""How much was met (the greater, the nearer), and a sentence."""


def nearest_authorization(
    authorizations: Iterable[Authorization], client_ip: str, identity: str | None, tls: bool
) -> str:
    """A sentence about the authorization that came nearest to allowing a client; "" where there is none."""
    found = [_authorization_miss(one, client_ip, identity, tls) for one in authorizations]
    return max(found, key=lambda miss: miss[0], default=(0, ""))[1]


def _authorization_miss(one: Authorization, client_ip: str, identity: str | None, tls: bool) -> Miss:
    address = ip_address(client_ip)
    anywhere = CompiledAuthorization(replace(one, networks=[]))
    anyone = CompiledAuthorization(replace(one, authn=AuthnKind.unauthenticated))
    network_ok = anyone.allows(address.version, int(address), None, False)
    client_ok = anywhere.allows(address.version, int(address), identity, tls)
    wants: list[str] = []
    if not network_ok:
        networks = ", ".join(network.cidr for network in one.networks)
        wants.append(f"the address {client_ip} is not in its networks ({networks})")
    if not client_ok:
        wants.append(_wants(one, identity, tls))
    score = 2 * client_ok + network_ok
    return score, f"{_name(one.resource)} did not allow it: {' and '.join(wants)}"


def _wants(one: Authorization, identity: str | None, tls: bool) -> str:
    if one.authn is AuthnKind.tls_unauthenticated or not tls:
        return "the client came without the mesh's TLS"
    if not identity:
        return "the client has no identity"
    names = ", ".join([*one.identities, *(f"*.{suffix.lstrip('.')}" for suffix in one.suffixes)])
    return f"the client is {identity}, and it lets in {names or 'nobody'}"


def nearest_route(
    candidates: Iterable[tuple[ResourceRef, str, list[StringMatch], list[Condition]]], request: Request
) -> str:
    """A sentence about the route that came nearest to taking a request; of each: object, name, hosts, matches."""
    found: list[Miss] = []
    for resource, name, hosts, matches in candidates:
        host_ok = not hosts or any(compile_host(host)(request.host) for host in hosts)
        for condition in matches or [Condition()]:
            score, wants = _condition_miss(condition, request)
            if not host_ok:
                wants = [f"the host {request.host.decode('latin-1')} is not one of its own", *wants]
            if wants:
                found.append((score + host_ok, f"{_name(resource, name)} did not take it: {' and '.join(wants)}"))
    return max(found, key=lambda miss: miss[0], default=(0, ""))[1]


def _condition_miss(condition: Condition, request: Request) -> tuple[int, list[str]]:
    parts: list[tuple[Condition, str]] = []
    if condition.path is not None:
        parts.append(
            (Condition(path=condition.path), f"the path is not {condition.path.kind.value} {condition.path.value}")
        )
    if condition.method is not None:
        parts.append((Condition(method=condition.method), f"the method is not {condition.method}"))
    parts += [(Condition(headers=[h]), f"the header {h.name} is not {h.match.value}") for h in condition.headers]
    parts += [(Condition(query=[q]), f"the parameter {q.name} is not {q.match.value}") for q in condition.query]
    if condition.all or condition.any or condition.not_ is not None:
        nested = replace(condition, method=None, path=None, headers=[], query=[])
        parts.append((nested, "its nested conditions do not hold"))
    wants = [want for part, want in parts if not _holds(part, request)]
    # The path says most about what was meant.
    path_ok = condition.path is not None and _holds(Condition(path=condition.path), request)
    return len(parts) - len(wants) + 2 * path_ok, wants


def _holds(condition: Condition, request: Request) -> bool:
    try:
        matcher = compile_condition(condition)
    except BadRegex:
        return False
    return matcher is None or matcher(request)


def _name(resource: ResourceRef, name: str = "") -> str:
    if resource.kind in ("default", ""):
        return f"the default {resource.name or name}"
    return f"{resource.kind} {resource.namespace}/{resource.name}" + (
        f" ({name})" if name != resource.name and name else ""
    )
