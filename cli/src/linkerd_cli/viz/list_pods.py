"""`linkerd viz list`."""

import argparse
import sys

from linkerd_cli.context import Context, run_async
from linkerd_cli.table import table
from linkerd_cli.usage import Parser
from linkerd_cli.viz.metrics_api import add_namespace_flags, namespace_of, query
from linkerd_contract.viz import PODS_PATH, PodRow, PodsResponse

EXAMPLES = """examples:
  linkerd viz list -n emojivoto
  linkerd viz list -A"""


def configure(parser: Parser) -> None:
    """Flags."""
    add_namespace_flags(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """0 also where nothing was found: that is said on stderr."""
    rows = [row for row in run_async(_ask(args, context)).rows if row.meshed]
    if rows:
        sys.stdout.write(pods_table(rows))
    else:
        print("No meshed pods found.", file=sys.stderr)
    return 0


async def _ask(args: argparse.Namespace, context: Context) -> PodsResponse:
    async with context.client() as client:
        namespace = namespace_of(args, client)
        params = {"namespace": namespace} if namespace is not None else {}
        return await query(client, context, PODS_PATH, params, PodsResponse)


def pods_table(rows: list[PodRow]) -> str:
    """Pods, whether they can be tapped, and why their metrics cannot be read."""
    failures = any(row.failure for row in rows)
    header = ["NAMESPACE", "POD", "STATUS", "TAP", "PROXY", *(["METRICS"] * failures)]
    lines = [
        [
            *(row.namespace, row.name, row.status, "yes" if row.tap else "no", row.proxy_version or "-"),
            *([row.failure or "√"] * failures),
        ]
        for row in rows
    ]
    return table(header, lines)
