"""`linkerd check`."""

import argparse
import sys
from datetime import UTC, datetime
from typing import Literal

from linkerd_cli.check import viz
from linkerd_cli.check.certificates import IDENTITY, WEBHOOKS
from linkerd_cli.check.data_plane import DATA_PLANE
from linkerd_cli.check.existence import CONFIG, DEFINITIONS, EXISTENCE, EXTENSIONS, HA
from linkerd_cli.check.kubernetes import API, PRE
from linkerd_cli.check.model import Category
from linkerd_cli.check.report import Json, Report, Table, marks_for
from linkerd_cli.check.runner import Runner
from linkerd_cli.check.state import State
from linkerd_cli.check.versions import CONTROL_PLANE_PROXY, CONTROL_PLANE_VERSION, RELEASE_URL, VERSION_CHECKS
from linkerd_cli.context import Context, run_async
from linkerd_cli.errors import NotImplementedYet, UsageError
from linkerd_cli.usage import Parser
from linkerd_contract.durations import parse_duration_ms

EXAMPLES = f"""examples:
  linkerd check --pre
  linkerd check
  linkerd check --proxy -n emojivoto
  linkerd install --crds | kubectl apply -f - && linkerd check --crds

The latest version is read from the URL in ${RELEASE_URL}, or --release-url: a JSON object {{"stable": "1.2.3"}}."""


def configure(parser: Parser) -> None:
    """Flags."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--pre", action="store_true", help="whether Linkerd can be installed")
    what.add_argument("--crds", action="store_true", help="whether the CustomResourceDefinitions are installed")
    what.add_argument("--proxy", action="store_true", help="the data plane too")
    parser.add_argument("-n", "--namespace", metavar="NAMESPACE", help="with --proxy: of the data plane (default all)")
    parser.add_argument(
        "--expected-version", metavar="VERSION", help="to compare with, instead of what the release URL says"
    )
    parser.add_argument("--linkerd-cni-enabled", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--release-url", metavar="URL", help=f"default ${RELEASE_URL}")
    add_output_flags(parser)


def add_output_flags(parser: Parser) -> None:
    """Flags of every check."""
    parser.add_argument("--wait", default="5m", metavar="DURATION", help="how long to wait for what comes up (5m)")
    parser.add_argument("-o", "--output", choices=("table", "json", "short"), default="table", help="default table")


def run(args: argparse.Namespace, context: Context) -> int:
    """1 where something failed; warnings fail nothing."""
    if args.namespace and not args.proxy:
        raise UsageError("--namespace is of use with --proxy only")
    if args.linkerd_cni_enabled:
        raise NotImplementedYet("linkerd check --linkerd-cni-enabled")
    if args.expected_version and args.release_url:
        raise UsageError("--expected-version contradicts --release-url: give one of the two")
    state = State(
        context,
        now=lambda: datetime.now(UTC),
        release_url=args.release_url or context.environ.get(RELEASE_URL),
        data_plane=args.namespace,
        expected_version=args.expected_version,
    )
    if args.pre or args.crds:
        return perform(args, state, categories("pre" if args.pre else "crds"), extensions=False)
    return perform(args, state, categories("proxy" if args.proxy else ""), extensions=True)


def categories(asked: Literal["", "pre", "crds", "proxy"] = "") -> list[Category]:
    """Of one of the flags, or of none; in Linkerd's order."""
    if asked == "pre":
        return [*API, PRE, VERSION_CHECKS]
    if asked == "crds":
        return [*API, DEFINITIONS, VERSION_CHECKS]
    installed = [*API, EXISTENCE, CONFIG, IDENTITY, WEBHOOKS]
    if asked == "proxy":
        return [*installed, DATA_PLANE[0], VERSION_CHECKS, CONTROL_PLANE_PROXY, DATA_PLANE[1], HA]
    return [*installed, VERSION_CHECKS, CONTROL_PLANE_VERSION, CONTROL_PLANE_PROXY, HA, EXTENSIONS]


def perform(args: argparse.Namespace, state: State, wanted: list[Category], *, extensions: bool) -> int:
    """Ask, print, and the exit code."""
    try:
        wait_seconds = parse_duration_ms(args.wait) / 1000
    except ValueError as error:
        raise UsageError(f"--wait: {error}") from error
    marks = marks_for(sys.stdout, state.context.environ)
    report: Report = Json() if args.output == "json" else Table(marks, short=args.output == "short")
    success = run_async(_perform(state, wanted, report, wait_seconds, extensions))
    report.end(success)
    return 0 if success else 1


async def _perform(state: State, wanted: list[Category], report: Report, wait_seconds: float, extensions: bool) -> bool:
    runner = Runner(state, wait_seconds, report.waiting)
    try:
        async for category, answer in runner.run(wanted):
            report.answer(category, answer)
        if extensions and not runner.stopped and await viz.installed(state):
            report.extension()
            async for category, answer in runner.run([viz.CHECKS]):
                report.answer(category, answer)
    finally:
        if state.connection is not None:
            await state.connection.close()
    return runner.success
