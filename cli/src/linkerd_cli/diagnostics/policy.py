"""`linkerd diagnostics policy`: what is in force for a port, as destination tells proxies."""

import argparse
import json
import sys

from linkerd_cli.context import Context, run_async
from linkerd_cli.diagnostics.destination import ask_destination
from linkerd_cli.documents import dump_yaml
from linkerd_cli.errors import CliError, UsageError
from linkerd_cli.kinds import canonical
from linkerd_cli.usage import Parser

EXAMPLES = """examples:
  linkerd diagnostics policy -n emojivoto po/web-6d8b4f5d5-x7k2p 8080
  linkerd diagnostics policy -n emojivoto svc/web-svc 80"""


def configure(parser: Parser) -> None:
    """Flags."""
    parser.add_argument("resource", metavar="po|svc/NAME")
    parser.add_argument("port", metavar="PORT", type=int)
    parser.add_argument("-n", "--namespace", metavar="NAMESPACE", help="default: the context's, else default")
    parser.add_argument("-o", "--output", choices=("yaml", "json"), default="yaml", help="default yaml")


def run(args: argparse.Namespace, context: Context) -> int:
    """Inbound policy of a pod's port; outbound policy of a service's."""
    kind, slash, name = args.resource.partition("/")
    kind = canonical(kind)
    if not slash or not name or kind not in ("pod", "service"):
        raise UsageError(f"{args.resource}: write po/NAME or svc/NAME")
    if not 0 < args.port < 65536:
        raise UsageError(f"{args.port}: ports go from 1 to 65535")
    document = run_async(_ask(args, context, kind, name))
    if args.output == "json":
        json.dump(document, sys.stdout, indent=2)
        print()
    else:
        sys.stdout.write(dump_yaml(document))
    return 0


async def _ask(args: argparse.Namespace, context: Context, kind: str, name: str) -> object:
    async with context.client() as client:
        namespace = args.namespace or client.namespace or "default"
        if kind == "pod":
            answer = await ask_destination(client, context, "/v1/inbound", {"workload": f"{namespace}/{name}"})
            document = _object(answer)
            ports = document.get("ports")
            return (
                ports.get(str(args.port), document.get("default"))
                if isinstance(ports, dict)
                else document.get("default")
            )
        from linkerd_cli.values import read_values

        domain = (await read_values(client, context.namespace)).get("clusterDomain", "cluster.local")
        target = f"{name}.{namespace}.svc.{domain}:{args.port}"
        return _object(await ask_destination(client, context, "/v1/outbound", {"target": target}))


def _object(answer: bytes) -> dict[str, object]:
    document: object = json.loads(answer)
    if not isinstance(document, dict):
        raise CliError("destination gave an answer that this version cannot read")
    return document
