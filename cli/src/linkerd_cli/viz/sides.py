"""Flags that several commands take: the window, and whose traffic (`--to`, `--from`)."""

import argparse

from linkerd_cli.kinds import TRAFFIC, WORKLOADS, parse_resources
from linkerd_cli.usage import Parser
from linkerd_cli.viz.metrics_api import add_namespace_flags


def add_window_flag(parser: Parser) -> None:
    """-t."""
    parser.add_argument("-t", "--time-window", default="1m", metavar="DURATION", help="default 1m, at least 15s")


def add_output_flag(parser: Parser, *formats: str) -> None:
    """-o; the first format is the default."""
    parser.add_argument("-o", "--output", choices=formats, default=formats[0], help=f"default {formats[0]}")


def add_selector_flag(parser: Parser) -> None:
    """-l."""
    parser.add_argument("-l", "--selector", metavar="LABELS", help="only resources with these labels")


def selected(args: argparse.Namespace) -> dict[str, str]:
    """The API's parameter for it."""
    return {"selector": args.selector} if args.selector else {}


def add_workload_flags(parser: Parser) -> None:
    """What stat-inbound and stat-outbound take."""
    parser.add_argument("resources", nargs="+", metavar="KIND[/NAME]", help="deploy, po, ns, rs, sts, ds, job, cj, rc")
    add_namespace_flags(parser)
    add_window_flag(parser)
    add_selector_flag(parser)
    add_output_flag(parser, "table", "json")


def add_side_flags(parser: Parser, *sides: str) -> None:
    """--to and --from, with their namespaces."""
    words = {"to": "only traffic to it", "from": "only traffic from it"}
    for side in sides:
        parser.add_argument(f"--{side}", metavar="KIND/NAME", help=words[side])
        parser.add_argument(f"--{side}-namespace", metavar="NAMESPACE", help="its namespace (default the resource's)")


def side_parameters(args: argparse.Namespace, *sides: str) -> dict[str, str]:
    """The API's parameters for them. Raises UsageError."""
    found: dict[str, str] = {}
    for side in sides:
        typed, namespace = getattr(args, side), getattr(args, f"{side}_namespace")
        if typed is not None:
            ((kind, name),) = parse_resources([typed], {**WORKLOADS, **TRAFFIC})
            found[f"{side}_kind"] = kind
            if name is not None:
                found[f"{side}_name"] = name
        if namespace is not None:
            found[f"{side}_namespace"] = namespace
    return found
