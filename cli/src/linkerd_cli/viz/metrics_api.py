"""Asking viz's metrics API, on the loopback of its pod, by port-forward."""

import argparse
import sys
from typing import TYPE_CHECKING, TypeVar

from linkerd_cli.check.viz import METRICS_API
from linkerd_cli.context import Context
from linkerd_cli.errors import CliError
from linkerd_cli.pods import ask, ask_directly, ready_pod
from linkerd_cli.usage import Parser
from linkerd_contract import names

if TYPE_CHECKING:
    from linkerd_kube.client import KubeClient

T = TypeVar("T")
_INSTALL = "install it with `linkerd viz install | kubectl apply -f -`"


def add_namespace_flags(parser: Parser) -> None:
    """-n and -A."""
    parser.add_argument("-n", "--namespace", metavar="NAMESPACE", help="default: the context's, else all")
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="all namespaces")


def namespace_of(args: argparse.Namespace, client: "KubeClient") -> str | None:
    """The namespace asked for, None for all."""
    if args.all_namespaces:
        return None
    given: str | None = args.namespace
    return given or client.namespace


async def metrics_api_pod(client: "KubeClient", context: Context) -> str:
    """The name of a ready pod of it. Raises CliError, also where viz is not installed."""
    return await ready_pod(client, context.viz_namespace, METRICS_API, "viz's metrics API", install=_INSTALL)


async def query(client: "KubeClient", context: Context, path: str, params: dict[str, str], kind: type[T]) -> T:
    """One document of the API. Raises CliError, also where viz is not installed."""
    from linkerd_contract.codec import decode

    if context.api_addr:
        body = await ask_directly(context.api_addr, path, params)
    else:
        pod = await metrics_api_pod(client, context)
        body = await ask(client, context.viz_namespace, pod, names.PORT_SERVICE_DEBUG, path, params)
    try:
        return decode(body, kind)
    except ValueError as error:
        raise CliError(f"viz's metrics API gave an answer that this version cannot read: {error}") from error


def warn_unscraped(pods: list[str]) -> None:
    """Say whose metrics are missing from an answer."""
    if pods:
        shown = ", ".join(pods[:5]) + (f" and {len(pods) - 5} more" if len(pods) > 5 else "")
        count = "1 pod" if len(pods) == 1 else f"{len(pods)} pods"
        print(f"‼ metrics of {count} could not be read: {shown}", file=sys.stderr)
