"""`linkerd diagnostics profile`: the routes in force for an address, as destination tells proxies."""

import argparse
import json
import sys

from linkerd_cli.context import Context, run_async
from linkerd_cli.diagnostics.destination import ask_destination
from linkerd_cli.documents import dump_yaml
from linkerd_cli.errors import CliError
from linkerd_cli.usage import Parser

EXAMPLES = """examples:
  linkerd diagnostics profile web-svc.emojivoto.svc.cluster.local:80
  linkerd diagnostics profile 10.43.0.17:80 -o json"""


def configure(parser: Parser) -> None:
    """Flags."""
    parser.add_argument("address", metavar="ADDRESS", help="fqdn:port or ip:port")
    parser.add_argument("-n", "--namespace", metavar="NAMESPACE", help="of the client: its own routes apply too")
    parser.add_argument("-o", "--output", choices=("yaml", "json"), default="yaml", help="default yaml")


def run(args: argparse.Namespace, context: Context) -> int:
    """Everything but the endpoints, which `linkerd diagnostics endpoints` lists."""
    document = run_async(_ask(args, context))
    if args.output == "json":
        json.dump(document, sys.stdout, indent=2)
        print()
    else:
        sys.stdout.write(dump_yaml(document))
    return 0


async def _ask(args: argparse.Namespace, context: Context) -> dict[str, object]:
    params = {"target": args.address} | ({"namespace": args.namespace} if args.namespace else {})
    async with context.client() as client:
        document: object = json.loads(await ask_destination(client, context, "/v1/outbound", params))
    if not isinstance(document, dict):
        raise CliError("destination gave an answer that this version cannot read")
    backends = document.get("backends")
    if isinstance(backends, dict):
        for backend in backends.values():
            if isinstance(backend, dict) and isinstance(backend.get("endpoints"), list):
                backend["endpoints"] = len(backend["endpoints"])
    return document
