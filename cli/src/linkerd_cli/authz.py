"""`linkerd authz`: who may call the pods of a resource, as destination tells their proxies."""

import argparse
import sys
from typing import TYPE_CHECKING

from linkerd_cli.context import Context, run_async
from linkerd_cli.diagnostics.destination import ask_destination
from linkerd_cli.diagnostics.proxy_metrics import is_meshed, pods_of
from linkerd_cli.errors import CliError
from linkerd_cli.kinds import parse_resources
from linkerd_cli.pods import pod_name
from linkerd_cli.table import table
from linkerd_cli.usage import Parser
from linkerd_contract.inbound import Authorization, InboundDocument

if TYPE_CHECKING:
    from linkerd_kube.client import KubeClient

EXAMPLES = """examples:
  linkerd authz -n emojivoto deploy/web
  linkerd authz -n emojivoto po/web-6d8b4f5d5-x7k2p"""
HEADER = ("ROUTE", "SERVER", "AUTHORIZATION_POLICY", "SERVER_AUTHORIZATION")
Row = tuple[str, str, str, str]


def configure(parser: Parser) -> None:
    """Flags."""
    parser.add_argument("resource", nargs="+", metavar="KIND/NAME")
    parser.add_argument("-n", "--namespace", metavar="NAMESPACE", help="default: the context's, else default")


def run(args: argparse.Namespace, context: Context) -> int:
    """A row for each authorization of a route or of a Server; what only default policies govern has none."""
    rows = run_async(_ask(args, context))
    sys.stdout.write(table(HEADER, sorted(rows)) if rows else "")
    if not rows:
        print("No authorizations: the default policy governs every port.", file=sys.stderr)
    return 0


async def _ask(args: argparse.Namespace, context: Context) -> set[Row]:
    from linkerd_contract.codec import decode

    rows: set[Row] = set()
    async with context.client() as client:
        namespace = args.namespace or client.namespace or "default"
        for workload in await _workloads(client, namespace, args.resource):
            answer = await ask_destination(client, context, "/v1/inbound", {"workload": workload})
            rows |= rows_of(decode(answer, InboundDocument))
    return rows


async def _workloads(client: "KubeClient", namespace: str, words: list[str]) -> list[str]:
    found = []
    for kind, name in parse_resources(words):
        if name is None:
            raise CliError(f"{kind}: write KIND/NAME")
        found += [f"{namespace}/{pod_name(p)}" for p in await pods_of(client, namespace, kind, name) if is_meshed(p)]
    if not found:
        raise CliError(f"no running meshed pod of {' '.join(words)} in namespace {namespace}")
    return found


def rows_of(document: InboundDocument) -> set[Row]:
    """PURE. Policies of defaults are no objects, and are left out."""
    rows: set[Row] = set()
    for port in document.ports.values():
        if port.server.kind == "default":
            continue
        rows |= {_row("*", port.server.name, authorization) for authorization in port.authorizations}
        for route in port.routes:
            rows |= {_row(route.resource.name, port.server.name, a) for a in route.authorizations}
        if not port.authorizations and not any(route.authorizations for route in port.routes):
            rows.add(("*", port.server.name, "", ""))
    return rows


def _row(route: str, server: str, authorization: Authorization) -> Row:
    kind, name = authorization.resource.kind.lower(), authorization.resource.name
    return (
        route,
        server,
        name if kind == "authorizationpolicy" else "",
        name if kind == "serverauthorization" else "",
    )
