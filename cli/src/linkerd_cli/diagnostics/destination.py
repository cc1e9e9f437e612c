"""Asking destination, on the loopback of its pod, by port-forward."""

from typing import TYPE_CHECKING

from linkerd_cli.context import Context
from linkerd_cli.pods import Params, ask, ask_directly, ready_pod
from linkerd_contract import names

if TYPE_CHECKING:
    from linkerd_kube.client import KubeClient

SELECTOR = f"{names.LABEL_CONTROL_PLANE_COMPONENT}=destination"


async def ask_destination(
    client: "KubeClient", context: Context, path: str, params: Params, body: bytes | None = None
) -> bytes:
    """The answer of one replica, to a POST where there is a body. Raises CliError."""
    if context.api_addr:
        return await ask_directly(context.api_addr, path, params, body)
    pod = await ready_pod(client, context.namespace, SELECTOR, "destination")
    return await ask(client, context.namespace, pod, names.PORT_SERVICE_DEBUG, path, params, body=body)
