"""`linkerd viz tap`."""

import argparse
import contextlib
import functools
import json

from linkerd_cli.context import Context, run_async
from linkerd_cli.usage import Parser
from linkerd_cli.viz.sides import add_output_flag
from linkerd_cli.viz.tap_query import add_tap_flags, events, query_of
from linkerd_cli.viz.tap_text import document, line, wide_line
from linkerd_contract.tap import TapEvent

EXAMPLES = """examples:
  linkerd viz tap deploy/web -n emojivoto
  linkerd viz tap ns/emojivoto --to deploy/voting --path /emojivoto.v1.VotingService
  linkerd viz tap deploy/web -n emojivoto -o json"""


def configure(parser: Parser) -> None:
    """Flags."""
    add_tap_flags(parser)
    add_output_flag(parser, "line", "wide", "json")


def run(args: argparse.Namespace, context: Context) -> int:
    """Until interrupted, or until the pods that are tapped are gone."""
    try:
        run_async(_follow(args, context))
    except KeyboardInterrupt:
        pass  # how a tap is ended
    return 0


async def _follow(args: argparse.Namespace, context: Context) -> None:
    write = {"line": line, "wide": wide_line, "json": _json}[args.output]
    broken: BrokenPipeError | None = None
    asked = functools.partial(query_of, args, headers=args.output == "json")
    async with contextlib.aclosing(events(asked, context)) as found:
        async for event in found:
            try:
                print(write(event), flush=True)
            except BrokenPipeError as error:
                # `| head`: told to the caller, and not taken for the API server's fault.
                broken = error
                break
    if broken is not None:
        raise broken


def _json(event: TapEvent) -> str:
    return json.dumps(document(event), indent=2)
