"""`linkerd viz edges`."""

import argparse

from linkerd_cli.context import Context, run_async
from linkerd_cli.kinds import WORKLOADS, canonical
from linkerd_cli.table import table
from linkerd_cli.usage import Parser
from linkerd_cli.viz.metrics_api import add_namespace_flags, namespace_of, query
from linkerd_cli.viz.rows import Found, show
from linkerd_contract.viz import EDGES_PATH, EdgeRow, EdgesResponse

EXAMPLES = """examples:
  linkerd viz edges deployment
  linkerd viz edges po -n emojivoto -o wide"""
SECURED = "√"


def configure(parser: Parser) -> None:
    """Flags."""
    parser.add_argument("kind", metavar="KIND", help="deploy, po, rs, sts, ds, job, cj, rc, ns")
    add_namespace_flags(parser)
    parser.add_argument("-o", "--output", choices=("table", "wide", "json"), default="table", help="default table")


def run(args: argparse.Namespace, context: Context) -> int:
    """0 also where nothing was found: that is said on stderr."""
    found = run_async(_ask(args, context, canonical(args.kind, WORKLOADS)))
    return show(args, found, lambda found: edges_table(found.rows, args.output == "wide"), json_row, "No edges found.")


async def _ask(args: argparse.Namespace, context: Context, kind: str) -> Found[EdgeRow]:
    async with context.client() as client:
        namespace = namespace_of(args, client)
        params = {"kind": kind} | ({"namespace": namespace} if namespace is not None else {})
        response = await query(client, context, EDGES_PATH, params, EdgesResponse)
        return Found(response.rows, response.unscraped, namespace is None)


def edges_table(rows: list[EdgeRow], wide: bool) -> str:
    """Linkerd's columns; an edge that is not secured says why. Edges that differ in what is not shown are one line."""
    header = ["SRC", "DST", "SRC_NS", "DST_NS", *(["CLIENT_ID", "SERVER_ID"] * wide), "SECURED"]
    lines = [
        [
            *(row.src, row.dst, row.src_namespace, row.dst_namespace),
            *([row.client_id or "-", row.server_id or "-"] * wide),
            row.no_tls_reason or SECURED,
        ]
        for row in rows
    ]
    return table(header, [list(line) for line in dict.fromkeys(map(tuple, lines))])


def json_row(row: EdgeRow) -> dict[str, str]:
    """Linkerd's fields."""
    return {
        "src": row.src,
        "src_namespace": row.src_namespace,
        "dst": row.dst,
        "dst_namespace": row.dst_namespace,
        "client_id": row.client_id,
        "server_id": row.server_id,
        "no_tls_reason": row.no_tls_reason,
    }
