"""`linkerd viz profile`."""

import argparse
import asyncio
import contextlib
import sys

from linkerd_cli.context import Context, run_async
from linkerd_cli.errors import CliError, UsageError
from linkerd_cli.kinds import WORKLOADS, parse_resources
from linkerd_cli.profile.document import service_profile
from linkerd_cli.profile.profile_command import names_of, written
from linkerd_cli.usage import Parser
from linkerd_cli.viz.seen_routes import SeenRoutes
from linkerd_cli.viz.sides import add_output_flag
from linkerd_cli.viz.tap_query import events
from linkerd_contract.durations import parse_go_duration_ms
from linkerd_contract.viz import TapQuery

EXAMPLES = """examples:
  linkerd viz profile -n emojivoto web-svc --tap deploy/web --tap-duration 10s --tap-route-limit 5
  linkerd viz profile -n emojivoto voting-svc --tap deploy/voting | kubectl apply -f -"""


def configure(parser: Parser) -> None:
    """Flags."""
    parser.add_argument("service", metavar="SERVICE")
    parser.add_argument("--tap", required=True, metavar="KIND/NAME", help="whose requests become routes")
    parser.add_argument("--tap-duration", default="5s", metavar="DURATION", help="how long to look (default 5s)")
    parser.add_argument("--tap-route-limit", type=int, default=20, metavar="N", help="routes at the most (default 20)")
    parser.add_argument("-n", "--namespace", metavar="NAMESPACE", help="default: the context's, else default")
    add_output_flag(parser, "yaml", "json")


def run(args: argparse.Namespace, context: Context) -> int:
    """1 where no request came."""
    ((kind, name),) = parse_resources([args.tap], WORKLOADS)
    try:
        seconds = parse_go_duration_ms(args.tap_duration) / 1000
    except ValueError as error:
        raise UsageError(f"--tap-duration: {error}") from error
    if args.tap_route_limit < 1:
        raise UsageError(f"--tap-route-limit: {args.tap_route_limit} is not more than 0")
    namespace, domain = run_async(names_of(args.namespace, context))
    seen = SeenRoutes(args.tap_route_limit)
    run_async(_watch(TapQuery(kind, namespace, name or ""), context, seen, seconds))
    routes = seen.routes()
    if not routes:
        raise CliError(f"{args.tap} took no request within {args.tap_duration}: look longer with --tap-duration")
    if seen.full:
        print(f"‼ only the first {len(routes)} routes; more with --tap-route-limit", file=sys.stderr)
    sys.stdout.write(
        written(service_profile(f"{args.service}.{namespace}.svc.{domain}", namespace, routes), args.output)
    )
    return 0


async def _watch(query: TapQuery, context: Context, seen: SeenRoutes, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds), contextlib.aclosing(events(lambda _client: query, context)) as found:
            async for event in found:
                seen.add(event)
                if seen.full:
                    return
