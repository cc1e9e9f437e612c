"""PURE: which pods a TapQuery is about, why others cannot be tapped, and what their proxies are asked for."""

from dataclasses import dataclass, field

from linkerd_contract import names
from linkerd_contract.tap import TapMatch, TapRequest
from linkerd_contract.viz import TAP_KINDS, TapQuery
from linkerd_viz.inventory import Inventory, Pod, groups
from linkerd_viz.selectors import parse_selector
from linkerd_viz.tap.injector import TAP_ENABLED, disabled

MAX_PODS = 100
PLURALS = {plural: kind for kind, plural in TAP_KINDS.items()}
_ENDLESS = (1 << 31) - 1
_SHOWN = 5


class NoTarget(Exception):
    """Nothing can be tapped; `status` is HTTP's, the message says why and what to do."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Targets:
    """Pods to tap, and sentences about those that cannot be."""

    pods: list[Pod]
    warnings: list[str] = field(default_factory=list)


def targets(inventory: Inventory, query: TapQuery) -> Targets:
    """Raises NoTarget where no pod is left."""
    what = f"{query.kind}/{query.name}" if query.name else f"any {query.kind}"
    found = [
        group
        for group in groups(inventory, query.kind)
        if (group.name if query.kind == "namespace" else group.namespace) == query.namespace
        and query.name in ("", group.name)
    ]
    if not found:
        raise NoTarget(404, f"{what} not found in namespace {query.namespace}")
    try:
        selected = parse_selector(query.selector)
    except ValueError as error:
        raise NoTarget(400, f"selector: {error}") from error
    pods = {pod.metadata.key: pod for group in found for pod in group.pods if selected(pod.metadata.labels)}
    return _tappable(inventory, [pods[key] for key in sorted(pods)], f"{what} in namespace {query.namespace}")


def _tappable(inventory: Inventory, pods: list[Pod], what: str) -> Targets:
    annotations = {namespace.metadata.name: namespace.metadata.annotations for namespace in inventory.namespaces}
    good: list[Pod] = []
    unmeshed: list[str] = []
    refusing: list[str] = []
    closed: list[str] = []
    for pod in pods:
        if pod.proxy is None:
            unmeshed.append(pod.metadata.name)
        elif disabled(pod.metadata.annotations, annotations.get(pod.metadata.namespace, {})):
            refusing.append(pod.metadata.name)
        elif pod.metadata.annotations.get(TAP_ENABLED) != "true":
            closed.append(pod.metadata.name)
        elif pod.status.phase == "Running" and pod.status.pod_ip:
            good.append(pod)
    warnings = [
        *_sentence(refusing, "have tap disabled by the annotation viz.linkerd.io/disable-tap"),
        *_sentence(closed, "started before viz could make their proxies tappable: kubectl rollout restart them"),
    ]
    if not good:
        reasons = warnings + _sentence(unmeshed, "are not meshed")
        raise NoTarget(400 if reasons else 404, f"no pod of {what} can be tapped: {'; '.join(reasons) or 'none runs'}")
    if len(good) > MAX_PODS:
        warnings.append(f"only {MAX_PODS} of {len(good)} pods are tapped, the first by name")
    return Targets(good[:MAX_PODS], warnings)


def _sentence(pods: list[str], what: str) -> list[str]:
    more = f" and {len(pods) - _SHOWN} more" if len(pods) > _SHOWN else ""
    return [f"{len(pods)} pods ({', '.join(pods[:_SHOWN])}{more}) {what}"] if pods else []


def request_of(query: TapQuery, pods: int, values: bool) -> TapRequest:
    """What each of `pods` proxies is asked for. Headers where the query wants them; `values` where RBAC allows them."""
    return TapRequest(
        limit=_ENDLESS,
        match=TapMatch(
            scheme=query.scheme or None,
            method=query.method or None,
            authority=query.authority or None,
            path_prefix=query.path or None,
            destination_labels=_destination(query),
        ),
        max_rps=query.max_rps / pods,
        headers=query.headers,
        header_values=query.headers and values,
    )


def _destination(query: TapQuery) -> dict[str, str]:
    """Labels that the proxies of callers know of endpoints: with them only the outbound side matches, as in Linkerd."""
    labels: dict[str, str] = {}
    if query.to_kind == "namespace":
        labels["namespace"] = query.to_name or query.to_namespace
    elif query.to_kind:
        labels["namespace"] = query.to_namespace or query.namespace
        if query.to_name:
            labels["k8s_job" if query.to_kind == "job" else query.to_kind] = query.to_name
    elif query.to_namespace:
        labels["namespace"] = query.to_namespace
    return labels


def identity_of(pod: Pod, namespace: str, trust_domain: str) -> str:
    """The name that the pod's proxy must prove. `namespace`: of the control plane."""
    return names.identity_name(pod.spec.service_account_name, pod.metadata.namespace, namespace, trust_domain)
