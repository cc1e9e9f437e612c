"""linkerd-version, control-plane-version, linkerd-control-plane-proxy.

The latest version is what a release URL says: a JSON object whose `stable` is a version. Without one it is not known,
and nothing pretends that it is.
"""

import json

from linkerd_cli.check.existence import component_pods
from linkerd_cli.check.model import Category, Check, Failed, Skipped
from linkerd_cli.check.state import State
from linkerd_cli.pods import pod_name
from linkerd_cli.tree import mapping, objects, text
from linkerd_cli.values import read_values
from linkerd_contract import names
from linkerd_contract.version import VERSION

RELEASE_URL = "LINKERD_RELEASE_URL"
_TIMEOUT_SECONDS = 5


async def _latest(state: State) -> None:
    import aiohttp

    if state.expected_version:
        state.latest_version = state.expected_version
        return
    if not state.release_url:
        raise Failed("no release URL is configured")
    try:
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(state.release_url, raise_for_status=True) as response,
        ):
            document: object = json.loads(await response.text())
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        raise Failed(f"{state.release_url}: {error or type(error).__name__}") from error
    latest = document.get("stable") if isinstance(document, dict) else None
    if not isinstance(latest, str) or not latest:
        raise Failed(f"{state.release_url}: no version under the key `stable`")
    state.latest_version = latest


def _is_latest(state: State, version: object) -> None:
    if state.latest_version is None:
        raise Skipped
    if version != state.latest_version:
        raise Failed(f"is running version {version} but the latest version is {state.latest_version}")


async def _cli(state: State) -> None:
    _is_latest(state, VERSION)


async def _retrieve(state: State) -> None:
    state.values = await read_values(state.client, state.namespace)
    if not isinstance(state.values.get("linkerdVersion"), str):
        raise Failed(f"ConfigMap {names.CONFIG_MAP} does not say which version it is of")


async def _control_plane(state: State) -> None:
    _is_latest(state, state.values.get("linkerdVersion"))


async def _match(state: State) -> None:
    server = state.values.get("linkerdVersion")
    if server != VERSION:
        raise Failed(f"control plane running {server} but cli running {VERSION}")


async def _no_proxies(state: State) -> None:
    with_proxy = [
        pod_name(pod)
        for pod in await component_pods(state)
        for key in ("containers", "initContainers")
        for container in objects(mapping(pod, "spec"), key)
        if text(container, "name") == names.PROXY_CONTAINER
    ]
    if with_proxy:
        raise Failed(
            f"pods that have a proxy: {', '.join(with_proxy)}; is {names.ANNOTATION_INJECT}: disabled missing?"
        )


VERSION_CHECKS = Category(
    "linkerd-version",
    (
        Check("can determine the latest version", "l5d-version-latest", _latest, warning=True),
        Check("cli is up-to-date", "l5d-version-cli", _cli, warning=True),
    ),
)
CONTROL_PLANE_VERSION = Category(
    "control-plane-version",
    (
        Check("can retrieve the control plane version", "l5d-version-control", _retrieve, retry=True),
        Check("control plane is up-to-date", "l5d-version-control", _control_plane, warning=True),
        Check("control plane and cli versions match", "l5d-version-control", _match, warning=True),
    ),
)
CONTROL_PLANE_PROXY = Category(
    "linkerd-control-plane-proxy",
    (Check("control plane pods carry no proxy: they terminate TLS themselves", "l5d-cp-proxy-none", _no_proxies),),
)
