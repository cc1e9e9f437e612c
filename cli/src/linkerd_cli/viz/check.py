"""`linkerd viz check`."""

import argparse
from datetime import UTC, datetime

from linkerd_cli.check.command import add_output_flags, perform
from linkerd_cli.check.kubernetes import API
from linkerd_cli.check.model import Category
from linkerd_cli.check.state import State
from linkerd_cli.check.viz import CHECKS, DATA_PLANE
from linkerd_cli.context import Context
from linkerd_cli.errors import UsageError
from linkerd_cli.usage import Parser

EXAMPLES = """examples:
  linkerd viz check
  linkerd viz check --proxy -n emojivoto"""


def configure(parser: Parser) -> None:
    """Flags."""
    parser.add_argument("--proxy", action="store_true", help="also whether every meshed pod is measured")
    parser.add_argument("-n", "--namespace", metavar="NAMESPACE", help="with --proxy: of the data plane (default all)")
    add_output_flags(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """1 where something failed."""
    if args.namespace and not args.proxy:
        raise UsageError("--namespace is of use with --proxy only")
    # As in Linkerd, "can initialize the client" stands under the extension's own heading.
    category = Category(CHECKS.name, (API[0].checks[0], *CHECKS.checks))
    state = State(context, now=lambda: datetime.now(UTC), data_plane=args.namespace)
    return perform(args, state, [category, *([DATA_PLANE] * args.proxy)], extensions=False)
