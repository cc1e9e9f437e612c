"""`linkerd diagnostics endpoints`."""

import argparse
import json
import sys

from linkerd_cli.context import Context, run_async
from linkerd_cli.diagnostics.destination import ask_destination
from linkerd_cli.table import table
from linkerd_cli.usage import Parser
from linkerd_contract.codec import decode
from linkerd_contract.outbound import OutboundDocument

EXAMPLES = """examples:
  linkerd diagnostics endpoints web-svc.emojivoto.svc.cluster.local:80"""


def configure(parser: Parser) -> None:
    """Flags."""
    parser.add_argument("authorities", nargs="+", metavar="AUTHORITY", help="fqdn:port or ip:port")
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table", help="default table")


def run(args: argparse.Namespace, context: Context) -> int:
    """The endpoints of every authority."""
    documents = run_async(_ask(args.authorities, context))
    rows = sorted({row for document in documents for row in endpoint_rows(document)})
    if args.output == "json":
        keys = ("namespace", "ip", "port", "pod", "service")
        json.dump([dict(zip(keys, row, strict=True)) for row in rows], sys.stdout, indent=2)
        print()
    elif rows:
        sys.stdout.write(table(("NAMESPACE", "IP", "PORT", "POD", "SERVICE"), [[*map(str, row)] for row in rows]))
    else:
        print("No endpoints found.", file=sys.stderr)
    return 0


async def _ask(authorities: list[str], context: Context) -> list[OutboundDocument]:
    async with context.client() as client:
        answers = [await ask_destination(client, context, "/v1/outbound", {"target": a}) for a in authorities]
    return [decode(answer, OutboundDocument) for answer in answers]


def endpoint_rows(document: OutboundDocument) -> set[tuple[str, str, int, str, str]]:
    """Namespace, IP, port, pod, service of each endpoint."""
    rows = set()
    for backend in document.backends.values():
        service = f"{backend.resource.name}.{backend.resource.namespace}" if backend.resource.name else ""
        for endpoint in backend.endpoints:
            ip, _, port = endpoint.addr.rpartition(":")
            labels = endpoint.labels
            namespace = labels.get("namespace") or labels.get("dst_namespace") or backend.resource.namespace
            pod = labels.get("pod") or labels.get("dst_pod", "")
            rows.add((namespace, ip.strip("[]"), int(port), pod, service))
    return rows
