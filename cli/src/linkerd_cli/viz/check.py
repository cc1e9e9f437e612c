"""`linkerd viz check`."""

import argparse
from datetime import UTC, datetime

from linkerd_cli.check.command import add_output_flags, perform
from linkerd_cli.check.kubernetes import API
from linkerd_cli.check.model import Category
from linkerd_cli.check.state import State
from linkerd_cli.check.viz import CHECKS
from linkerd_cli.context import Context
from linkerd_cli.errors import NotImplementedYet
from linkerd_cli.usage import Parser

EXAMPLES = """examples:
  linkerd viz check"""


def configure(parser: Parser) -> None:
    """Flags."""
    parser.add_argument("--proxy", action="store_true", help=argparse.SUPPRESS)
    add_output_flags(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """1 where something failed."""
    if args.proxy:
        raise NotImplementedYet("linkerd viz check --proxy")
    # As in Linkerd, "can initialize the client" stands under the extension's own heading.
    category = Category(CHECKS.name, (API[0].checks[0], *CHECKS.checks))
    return perform(args, State(context, now=lambda: datetime.now(UTC)), [category], extensions=False)
