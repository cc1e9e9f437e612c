"""Finding the pod to ask, and asking it through the API server's port-forward."""

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from linkerd_cli.errors import CliError
from linkerd_cli.tree import JsonObject, integer, mapping, objects, text
from linkerd_contract import names

if TYPE_CHECKING:
    from linkerd_kube.client import KubeClient

Params = dict[str, str] | list[tuple[str, str]]
"""Of a query; a list where a name may come more than once."""


def pod_name(pod: JsonObject) -> str:
    """metadata.name."""
    return text(mapping(pod, "metadata"), "name")


def is_ready(pod: JsonObject) -> bool:
    """Whether its Ready condition is true and nobody is deleting it."""
    if "deletionTimestamp" in mapping(pod, "metadata"):
        return False
    conditions = objects(mapping(pod, "status"), "conditions")
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def annotation(obj: JsonObject, name: str) -> str:
    """An annotation of it, "" where there is none."""
    return text(mapping(mapping(obj, "metadata"), "annotations"), name)


async def meshed_pods(client: "KubeClient", control_plane: str, namespace: str | None) -> list[JsonObject]:
    """Pods with a sidecar of that control plane, in one namespace or in all; those that have ended are left out."""
    from linkerd_contract import names
    from linkerd_kube.resources import PODS

    listed = await client.list(PODS, namespace, label_selector=f"{names.LABEL_CONTROL_PLANE_NS}={control_plane}")
    pods = [p for p in listed.items if text(mapping(p, "status"), "phase") not in ("Succeeded", "Failed")]
    return [p for p in pods if names.LABEL_CONTROL_PLANE_COMPONENT not in mapping(mapping(p, "metadata"), "labels")]


async def ready_pod(client: "KubeClient", namespace: str, selector: str, what: str, install: str = "") -> str:
    """The name of a ready pod. Raises CliError that says `what` is not there, and how to `install` it."""
    from linkerd_kube.resources import PODS

    listed = await client.list(PODS, namespace, label_selector=selector)
    for pod in sorted(listed.items, key=pod_name):
        if is_ready(pod):
            return pod_name(pod)
    state = f"{len(listed.items)} pods, none of them ready" if listed.items else "no pod"
    if install and not listed.items:
        state += f"; {install}"
    raise CliError(f"{what} is not running in namespace {namespace}: {state}")


def admin_port(pod: JsonObject) -> int:
    """Of its proxy's metrics and traces: what the sidecar declares, else the usual one."""
    spec = mapping(pod, "spec")
    for container in (*objects(spec, "initContainers"), *objects(spec, "containers")):
        if text(container, "name") == names.PROXY_CONTAINER:
            declared = (p for p in objects(container, "ports") if text(p, "name") == "linkerd-admin")
            return next((integer(p, "containerPort") for p in declared), names.PORT_ADMIN)
    return names.PORT_ADMIN


async def ask(
    client: "KubeClient",
    namespace: str,
    pod: str,
    port: int,
    path: str,
    params: Params | None = None,
    *,
    body: bytes | None = None,
) -> bytes:
    """GET from a pod's port, or POST with a body. Raises CliError; a problem that it answers is in its words."""
    import msgspec

    from linkerd_contract.problem import Problem
    from linkerd_kube.errors import ApiError
    from linkerd_kube.portforward import http_get, http_post

    query = f"?{urlencode(params)}" if params else ""
    try:
        if body is not None:
            return await http_post(client, namespace, pod, port, path + query, body)
        return await http_get(client, namespace, pod, port, path + query)
    except ApiError as error:
        try:
            problem = msgspec.json.decode(error.message, type=Problem)
        except msgspec.DecodeError:
            raise CliError(f"{namespace}/{pod}: {error}") from error
        raise CliError(problem.detail or problem.title) from error


async def ask_directly(address: str, path: str, params: Params, body: bytes | None = None) -> bytes:
    """GET (or POST) from an API that can be reached without the cluster (--api-addr). Raises CliError."""
    import aiohttp
    import msgspec

    from linkerd_contract.problem import Problem

    timeout = aiohttp.ClientTimeout(total=30)
    method = "GET" if body is None else "POST"
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(method, f"http://{address}{path}", params=params, data=body) as response,
        ):
            answer = await response.read()
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        raise CliError(f"--api-addr {address}: {error or type(error).__name__}") from error
    if response.status == 200:
        return answer
    try:
        problem = msgspec.json.decode(answer, type=Problem)
    except msgspec.DecodeError:
        raise CliError(f"--api-addr {address}: HTTP {response.status}") from None
    raise CliError(problem.detail or problem.title)
