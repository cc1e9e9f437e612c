"""--to and --from."""

import pytest

from linkerd_cli.errors import UsageError
from linkerd_cli.usage import Parser
from linkerd_cli.viz.sides import add_output_flag, add_side_flags, add_window_flag, add_workload_flags, side_parameters


def _parameters(*typed: str) -> dict[str, str]:
    parser = Parser("x", "x")
    add_side_flags(parser, "to", "from")
    return side_parameters(parser.parse_args(list(typed)), "to", "from")


@pytest.mark.parametrize(
    ("typed", "parameters"),
    [
        ([], {}),
        (["--to", "svc/web"], {"to_kind": "service", "to_name": "web"}),
        (["--to", "deploy"], {"to_kind": "deployment"}),
        (["--from", "po/a", "--from-namespace", "x"], {"from_kind": "pod", "from_name": "a", "from_namespace": "x"}),
        (["--to-namespace", "x"], {"to_namespace": "x"}),
        (["--to", "au/web:80"], {"to_kind": "authority", "to_name": "web:80"}),
    ],
)
def test_parameters(typed: list[str], parameters: dict[str, str]) -> None:
    assert _parameters(*typed) == parameters


def test_unknown_kinds() -> None:
    with pytest.raises(UsageError, match="cannot find Kubernetes canonical name"):
        _parameters("--to", "frog/x")


def test_defaults() -> None:
    parser = Parser("x", "x")
    add_window_flag(parser)
    add_output_flag(parser, "table", "json")
    args = parser.parse_args([])
    assert (args.time_window, args.output) == ("1m", "table")


def test_flags_of_workloads() -> None:
    parser = Parser("x", "x")
    add_workload_flags(parser)
    args = parser.parse_args(["deploy", "po/a", "-A", "-l", "a=b", "-t", "5m", "-o", "json"])
    assert (args.resources, args.all_namespaces, args.selector) == (["deploy", "po/a"], True, "a=b")
    assert (args.time_window, args.output) == ("5m", "json")
