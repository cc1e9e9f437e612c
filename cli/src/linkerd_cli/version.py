"""`linkerd version`. With --client nothing but the standard library and one constant is imported."""

import argparse

from linkerd_cli.context import Context, run_async
from linkerd_cli.errors import CliError
from linkerd_cli.usage import Parser
from linkerd_contract.version import VERSION

EXAMPLES = """examples:
  linkerd version
  linkerd version --client --short"""


def configure(parser: Parser) -> None:
    """Flags."""
    parser.add_argument("--short", action="store_true", help="print the versions alone")
    parser.add_argument("--client", action="store_true", help="print the client's version only")


def run(args: argparse.Namespace, context: Context) -> int:
    """Always 0: a server that cannot be asked is "unavailable", as Linkerd says."""
    short: bool = args.short
    print(VERSION if short else f"Client version: {VERSION}")
    if not args.client:
        server = _server_version(context)
        print(server if short else f"Server version: {server}")
    return 0


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
