"""`check --proxy`: linkerd-identity-data-plane and linkerd-data-plane."""

import hashlib

from linkerd_cli.check.model import Category, Check, Failed, Skipped
from linkerd_cli.check.state import State
from linkerd_cli.pods import annotation, meshed_pods, pod_name
from linkerd_cli.tree import JsonObject, integer, labels, mapping, meta, objects, text
from linkerd_contract import names
from linkerd_contract.durations import parse_ports, port_in
from linkerd_contract.version import VERSION

_SHOWN = 10


async def _meshed(state: State) -> list[JsonObject]:
    return await meshed_pods(state.client, state.namespace, state.data_plane)


def _full_name(pod: JsonObject) -> str:
    return f"{meta(pod, 'namespace')}/{pod_name(pod)}"


def _fail(problems: list[str], headline: str) -> None:
    if problems:
        more = [f"  … and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
        raise Failed("\n".join([headline, *(f"  * {p}" for p in problems[:_SHOWN]), *more]))


async def _same_roots(state: State) -> None:
    digest = hashlib.sha256(state.trust_anchors.encode()).hexdigest()
    old = [_full_name(p) for p in await _meshed(state) if annotation(p, names.ANNOTATION_TRUST_ROOT_SHA256) != digest]
    _fail(old, "Some pods were injected with another trust bundle; they get the current one as they certify:")


async def _namespace(state: State) -> None:
    from linkerd_kube.resources import NAMESPACES

    if state.data_plane is None:
        raise Skipped
    await state.client.get(NAMESPACES.path(name=state.data_plane))


async def _ready(state: State) -> None:
    pods = await _meshed(state)
    if not pods:
        where = f'the "{state.data_plane}" namespace' if state.data_plane else "any namespace"
        raise Failed(f'No "{names.PROXY_CONTAINER}" containers found in {where}')
    unready = [f"{_full_name(p)}: {text(mapping(p, 'status'), 'phase')}" for p in pods if not _proxy_ready(p)]
    _fail(unready, f'The "{names.PROXY_CONTAINER}" container is not ready in:')


def _proxy_ready(pod: JsonObject) -> bool:
    status = mapping(pod, "status")
    containers = [*objects(status, "containerStatuses"), *objects(status, "initContainerStatuses")]
    return any(text(c, "name") == names.PROXY_CONTAINER and c.get("ready") is True for c in containers)


async def _up_to_date(state: State) -> None:
    if state.latest_version is None:
        raise Skipped
    await _versions(state, state.latest_version, "some proxies are not running the current version:")


async def _match(state: State) -> None:
    await _versions(state, VERSION, f"some proxies are not of this CLI's version {VERSION}:")


async def _versions(state: State, wanted: str, headline: str) -> None:
    pods = await _meshed(state)
    found = [(p, annotation(p, names.ANNOTATION_PROXY_VERSION)) for p in pods]
    _fail([f"{_full_name(p)} ({version})" for p, version in found if version != wanted], headline)


_MISPLACED = (names.ANNOTATION_INJECT, names.CONFIG_PREFIX)


async def _pod_labels(state: State) -> None:
    wrong = [
        f"{_full_name(pod)}: {label} is an annotation, not a label"
        for pod in await _meshed(state)
        for label in labels(pod)
        if label.startswith(_MISPLACED)
    ]
    _fail(wrong, "Some labels on data plane pods should be annotations:")


async def _services(state: State) -> list[JsonObject]:
    from linkerd_kube.resources import SERVICES

    return (await state.client.list(SERVICES, state.data_plane)).items


async def _service_labels(state: State) -> None:
    wrong = [
        f"{_full_name(service)}: {label} is an annotation, not a label"
        for service in await _services(state)
        for label in labels(service)
        if label.startswith(_MISPLACED)
    ]
    _fail(wrong, "Some labels on services should be annotations:")


async def _service_annotations(state: State) -> None:
    wrong = [
        f"{_full_name(service)}: {names.ANNOTATION_INJECT} belongs to namespaces and pods"
        for service in await _services(state)
        if annotation(service, names.ANNOTATION_INJECT)
    ]
    _fail(wrong, "Some annotations on services have no effect:")


async def _opaque_ports(state: State) -> None:
    """Port by port: what the Service says, and what its meshed pods say of the port behind."""
    pods = await _meshed(state)
    wrong = []
    for service in await _services(state):
        selector = {k: v for k, v in mapping(mapping(service, "spec"), "selector").items() if isinstance(v, str)}
        mine = [
            pod
            for pod in pods
            if selector
            and meta(pod, "namespace") == meta(service, "namespace")
            and selector.items() <= labels(pod).items()
        ]
        wrong += [line for pod in mine[:1] for line in _disagreements(service, pod)]
    _fail(wrong, "Some opaque ports are annotated on one side only:")


def _disagreements(service: JsonObject, pod: JsonObject) -> list[str]:
    said = annotation(service, names.ANNOTATION_OPAQUE_PORTS), annotation(pod, names.ANNOTATION_OPAQUE_PORTS)
    try:
        of_service, of_pod = (parse_ports(",".join(p for p in text.split(",") if p[:1].isdigit())) for text in said)
    except ValueError as error:
        return [f"{_full_name(service)}: {error}"]
    found = []
    for port in objects(mapping(service, "spec"), "ports"):
        number, target = integer(port, "port"), port.get("targetPort")
        behind = target if isinstance(target, int) and target else number
        if isinstance(target, str):
            continue  # a named port: its number is the container's to say
        if port_in(of_service, number) != port_in(of_pod, behind):
            opaque, other = ("service", "pod") if port_in(of_service, number) else ("pod", "service")
            found.append(f"{_full_name(service)} port {number}: opaque for the {opaque}, not for the {other}")
    return found


DATA_PLANE = (
    Category(
        "linkerd-identity-data-plane",
        (
            Check(
                "data plane proxies certificate match CA",
                "l5d-identity-data-plane-proxies-certs-match-ca",
                _same_roots,
                warning=True,
            ),
        ),
    ),
    Category(
        "linkerd-data-plane",
        (
            Check("data plane namespace exists", "l5d-data-plane-exists", _namespace, fatal=True),
            Check("data plane proxies are ready", "l5d-data-plane-ready", _ready, fatal=True, retry=True),
            Check("data plane is up-to-date", "l5d-data-plane-version", _up_to_date, warning=True),
            Check("data plane and cli versions match", "l5d-data-plane-cli-version", _match, warning=True),
            Check(
                "data plane pod labels are configured correctly",
                "l5d-data-plane-pods-labels",
                _pod_labels,
                warning=True,
            ),
            Check(
                "data plane service labels are configured correctly",
                "l5d-data-plane-services-labels",
                _service_labels,
                warning=True,
            ),
            Check(
                "data plane service annotations are configured correctly",
                "l5d-data-plane-services-annotations",
                _service_annotations,
                warning=True,
            ),
            Check(
                "opaque ports are properly annotated", "linkerd-opaque-ports-definition", _opaque_ports, warning=True
            ),
        ),
    ),
)
