"""`linkerd version`. With --client nothing but the standard library and one constant is imported."""

import argparse

from linkerd_cli.context import Context, run_async
from linkerd_cli.errors import CliError, UsageError
from linkerd_cli.usage import Parser
from linkerd_contract.version import VERSION

EXAMPLES = """examples:
  linkerd version
  linkerd version --client --short
  linkerd version --proxy -n emojivoto"""


def configure(parser: Parser) -> None:
    """Flags."""
    parser.add_argument("--short", action="store_true", help="print the versions alone")
    parser.add_argument("--client", action="store_true", help="print the client's version only")
    parser.add_argument("--proxy", action="store_true", help="print the versions of the sidecars too")
    parser.add_argument("-n", "--namespace", metavar="NAMESPACE", help="with --proxy: of these sidecars (default all)")


def run(args: argparse.Namespace, context: Context) -> int:
    """Always 0: a server that cannot be asked is "unavailable", as Linkerd says."""
    short: bool = args.short
    if args.client and args.proxy:
        raise UsageError("--client contradicts --proxy: one asks nothing of the cluster, the other does")
    if args.namespace and not args.proxy:
        raise UsageError("--namespace is of use with --proxy only")
    print(VERSION if short else f"Client version: {VERSION}")
    if not args.client:
        server = _server_version(context)
        print(server if short else f"Server version: {server}")
    if args.proxy:
        _print_proxies(run_async(_proxies(context, args.namespace)))
    return 0


def _print_proxies(pods: dict[str, int]) -> None:
    print("Proxy versions:" if pods else "No proxies found")
    for version, count in sorted(pods.items()):
        print(f"\t{version} ({count} pods)")


async def _proxies(context: Context, namespace: str | None) -> dict[str, int]:
    """How many pods have a sidecar of each version."""
    from collections import Counter

    from linkerd_cli.pods import annotation, meshed_pods
    from linkerd_contract.names import ANNOTATION_PROXY_VERSION

    async with context.client() as client:
        pods = await meshed_pods(client, context.namespace, namespace)
    return Counter(annotation(pod, ANNOTATION_PROXY_VERSION) or "unknown" for pod in pods)


def _server_version(context: Context) -> str:
    try:
        return run_async(_ask(context))
    except CliError:
        return "unavailable"


async def _ask(context: Context) -> str:
    from linkerd_cli.values import read_values

    async with context.client() as client:
        version = (await read_values(client, context.namespace)).get("linkerdVersion")
    return version if isinstance(version, str) else "unavailable"
