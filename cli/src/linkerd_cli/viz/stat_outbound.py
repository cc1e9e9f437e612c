"""`linkerd viz stat-outbound`."""

import argparse

from linkerd_cli.context import Context, run_async
from linkerd_cli.table import table
from linkerd_cli.usage import Parser
from linkerd_cli.viz.cells import bare_rate, milliseconds, percent
from linkerd_cli.viz.rows import ask_each, show
from linkerd_cli.viz.sides import add_workload_flags, selected
from linkerd_contract.viz import STAT_OUTBOUND_PATH, StatOutboundResponse, StatOutboundRow

EXAMPLES = """examples:
  linkerd viz stat-outbound deploy/web -n emojivoto
  linkerd viz stat-outbound deploy -A -o json"""


def configure(parser: Parser) -> None:
    """Flags."""
    add_workload_flags(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """0 also where nothing was found: that is said on stderr."""
    found = run_async(ask_each(args, context, STAT_OUTBOUND_PATH, StatOutboundResponse, selected(args)))
    return show(args, found, lambda found: outbound_table(found.rows, found.namespaces), json_row)


def outbound_table(rows: list[StatOutboundRow], namespaces: bool) -> str:
    """Linkerd's columns, behind the namespace where all are asked for; a route's backends hang below it."""
    header = ["NAMESPACE"] * namespaces + ["NAME", "SERVICE", "ROUTE", "TYPE", "BACKEND"]
    left = len(header)
    header += ["SUCCESS", "RPS", "LATENCY_P50", "LATENCY_P95", "LATENCY_P99", "TIMEOUTS", "RETRIES"]
    lines = []
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        if row.backend:
            branch = "├─" if following is not None and following.backend else "└─"
            place = [""] * (2 + namespaces) + [branch, "─►", f"{row.backend}:{row.backend_port}"]
        else:
            place = [row.namespace] * namespaces
            place += [row.name, f"{row.service}:{row.port}", row.route, row.route_kind, ""]
        latencies = map(milliseconds, (row.latency_p50, row.latency_p95, row.latency_p99))
        figures = [percent(row.success), bare_rate(row.rps), *latencies, percent(row.timeouts)]
        lines.append([*place, *figures, "" if row.backend else percent(row.retries)])
    return table(header, lines, left)


def json_row(row: StatOutboundRow) -> dict[str, object]:
    """Linkerd's fields, and the namespaces."""
    backend = {"backend": row.backend, "backendNamespace": row.backend_namespace, "backendPort": row.backend_port}
    return {
        "namespace": row.namespace,
        "name": row.name,
        "service": row.service,
        "serviceNamespace": row.service_namespace,
        "port": row.port,
        "route": row.route,
        "routeType": row.route_kind,
        **(backend if row.backend else {}),
        "successRate": row.success,
        "rps": row.rps,
        "latencyMsP50": row.latency_p50,
        "latencyMsP95": row.latency_p95,
        "latencyMsP99": row.latency_p99,
        "timeoutRate": row.timeouts,
        **({} if row.backend else {"retryRate": row.retries}),
    }
