"""PURE: the ServiceProfiles of the Services that lead to a pod, by its ports, for the pod's own proxy.

Only profiles of the pod's namespace count: what clients of other namespaces say of a Service is for themselves. Where a
namespace has none, which is usual, nothing else is looked at.
"""

from linkerd_contract.inbound import InboundProfile
from linkerd_contract.outbound import Route
from linkerd_destination.index.objects import Pod, Service, ServicePort
from linkerd_destination.index.state import View
from linkerd_destination.translate.profiles import profile_routes


def inbound_profiles(view: View, pod: Pod) -> dict[int, list[InboundProfile]]:
    """By port of the pod, in the order of the profiles' names."""
    profiles = view.profiles_in(pod.namespace)
    found: dict[int, list[InboundProfile]] = {}
    if not profiles:
        return found
    suffix = f".{pod.namespace}.svc.{view.config.cluster_domain}"
    for profile in profiles:
        name = profile.meta.name
        if not (profile.routes or profile.dst_overrides) or not name.endswith(suffix):
            continue
        service = view.service(pod.namespace, name.removesuffix(suffix))
        if service is None or not _selects(service, pod):
            continue
        routes = [_bare(route) for route in profile_routes(profile, [])]
        for port in service.ports:
            target = _target(port, pod)
            if target:
                one = InboundProfile(authority=f"{name}:{port.port}", routes=routes)
                found.setdefault(target, []).append(one)
    return found


def _selects(service: Service, pod: Pod) -> bool:
    return bool(service.selector) and set(service.selector) <= set(pod.labels)


def _target(port: ServicePort, pod: Pod) -> int:
    """0 where the pod has no port of that name."""
    if isinstance(port.target, int):
        return port.target
    return dict(pod.named_ports).get(port.target, 0)


def _bare(route: Route) -> Route:
    """What the server's side needs: retries and timeouts are the client's."""
    classes = route.response_classes
    return Route(name=route.name, matches=route.matches, response_classes=classes, labels=route.labels)
