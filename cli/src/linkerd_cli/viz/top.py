"""`linkerd viz top`."""

import argparse
import asyncio
import contextlib
import functools
import shutil
import sys

from linkerd_cli.context import Context, run_async
from linkerd_cli.errors import UsageError
from linkerd_cli.usage import Parser
from linkerd_cli.viz.calls import Calls
from linkerd_cli.viz.tap_query import add_tap_flags, events, query_of

EXAMPLES = """examples:
  linkerd viz top deploy/web -n emojivoto
  linkerd viz top ns/emojivoto --hide-sources --seconds 10"""
_REDRAW_SECONDS = 1.0
_HOME_AND_CLEAR = "\x1b[H\x1b[J"


def configure(parser: Parser) -> None:
    """Flags."""
    add_tap_flags(parser)
    parser.add_argument("--hide-sources", action="store_true", help="count calls of all sources together")
    parser.add_argument("--routes", action="store_true", help="by the route's name instead of method and path")
    parser.add_argument("--seconds", type=float, metavar="N", help="end after so long (default: when interrupted)")


def run(args: argparse.Namespace, context: Context) -> int:
    """Until interrupted, or for so many seconds. A terminal is redrawn; anything else gets the last table only."""
    if args.seconds is not None and not args.seconds > 0:
        raise UsageError(f"--seconds: {args.seconds:g} is not more than 0")
    calls = Calls(sources=not args.hide_sources, routes=args.routes)
    try:
        run_async(_watch(args, context, calls))
    except KeyboardInterrupt:
        pass  # how it is ended
    if sys.stdout.isatty():
        sys.stdout.write(_HOME_AND_CLEAR)
    sys.stdout.write(calls.text())
    return 0


async def _watch(args: argparse.Namespace, context: Context, calls: Calls) -> None:
    redraw = asyncio.ensure_future(_redraw(calls)) if sys.stdout.isatty() else None
    try:
        with contextlib.suppress(TimeoutError):
            asked = functools.partial(query_of, args)
            async with asyncio.timeout(args.seconds), contextlib.aclosing(events(asked, context)) as found:
                async for event in found:
                    calls.add(event)
    finally:
        if redraw is not None:
            redraw.cancel()
            await asyncio.wait((redraw,))


async def _redraw(calls: Calls) -> None:
    while True:
        lines = max(1, shutil.get_terminal_size().lines - 2)
        sys.stdout.write(_HOME_AND_CLEAR + calls.text(lines))
        sys.stdout.flush()
        await asyncio.sleep(_REDRAW_SECONDS)
