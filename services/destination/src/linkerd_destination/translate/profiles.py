"""PURE: ServiceProfiles and TrafficSplits: which is in force for a Service, its routes, and where they lead.

The profile in the client's namespace comes before the one in the Service's. A profile with routes or dstOverrides
replaces policy's routes altogether (Linkerd); its dstOverrides come before a TrafficSplit.
"""

import msgspec

from linkerd_contract.outbound import Route, WeightedBackend
from linkerd_destination.index.objects import Service
from linkerd_destination.index.state import View
from linkerd_destination.translate.backends import Backends, shares
from linkerd_rules.validation.profile import Override, Profile

DEFAULT_ROUTE = "[DEFAULT]"
"""Linkerd's name for what no route of a profile matches."""


def service_name(view: View, service: Service) -> str:
    """The Service's name in DNS, which is its profile's name too."""
    return f"{service.name}.{service.namespace}.svc.{view.config.cluster_domain}"


def profile_of(view: View, service: Service, client_namespace: str) -> Profile | None:
    """The profile in force. Others than the Service's own make the answer depend on the client's namespace."""
    found = {profile.meta.namespace: profile for profile in view.profiles(service_name(view, service))}
    own = found.pop(service.namespace, None)
    if found:
        view.namespace_dependent = True
    return found.get(client_namespace, own)


def split_shares(
    view: View, service: Service, port: int, profile: Profile | None, backends: Backends
) -> list[WeightedBackend]:
    """Where an apex' traffic goes; nothing where there is no split, or all its weights are zero."""
    if profile is not None and profile.dst_overrides:
        return _overridden(view, profile.dst_overrides, port, backends)
    split = view.split(service.namespace, service.name)
    if split is None or not any(leaf.weight for leaf in split.backends):
        return []
    return shares(
        [(backends.leaf(service.namespace, leaf.service, port), leaf.weight) for leaf in split.backends if leaf.weight]
    )


def _overridden(view: View, overrides: tuple[Override, ...], port: int, backends: Backends) -> list[WeightedBackend]:
    suffix = f".svc.{view.config.cluster_domain}"
    found: list[tuple[str, int]] = []
    for override in overrides:
        if not override.weight:
            continue
        host, _, digits = override.authority.partition(":")
        name, _, namespace = host.removesuffix(".").removesuffix(suffix).partition(".")
        if "." not in namespace:
            found.append((backends.leaf(namespace, name, int(digits or port)), override.weight))
    return shares(found)


def profile_routes(profile: Profile, targets: list[WeightedBackend]) -> list[Route]:
    """The profile's routes in their order, and the default one last."""
    routes = [msgspec.structs.replace(route, backends=targets) for route in profile.routes]
    return [*routes, Route(name=DEFAULT_ROUTE, backends=targets, labels={"route": DEFAULT_ROUTE})]
