"""Global flags before and after the command."""

import pytest

from linkerd_cli.errors import UsageError
from linkerd_cli.usage import Parser, add_globals, context_of, split


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ([], ([], None, [])),
        (["--help"], (["--help"], None, [])),
        (["version"], ([], "version", [])),
        (["-L", "mesh", "version", "--short"], (["-L", "mesh"], "version", ["--short"])),
        (["--context=x", "inject", "-"], (["--context=x"], "inject", ["-"])),
        (["--verbose", "check", "--", "x"], (["--verbose"], "check", ["--", "x"])),
        (["--kubeconfig"], (["--kubeconfig"], None, [])),
    ],
)
def test_split(argv: list[str], expected: tuple[list[str], str | None, list[str]]) -> None:
    assert split(argv) == expected


def _parse(*argv: str) -> Parser:
    parser = Parser("linkerd x", "")
    add_globals(parser)
    parser.set_defaults(parsed=parser.parse_args(list(argv)))
    return parser


def test_context() -> None:
    args = _parse("-L", "mesh", "--kubeconfig", "f", "--context", "c", "--verbose").get_default("parsed")
    context = context_of(args, {})
    assert (context.namespace, context.kubeconfig, context.kube_context, context.verbose) == ("mesh", "f", "c", True)
    defaults = context_of(_parse().get_default("parsed"), {})
    assert (defaults.namespace, defaults.viz_namespace, defaults.verbose) == ("linkerd", "linkerd-viz", False)
    assert context_of(_parse().get_default("parsed"), {"LINKERD_NAMESPACE": "other"}).namespace == "other"


def test_whom_to_impersonate_and_whom_to_ask() -> None:
    parser = Parser("linkerd x", "")
    add_globals(parser)
    typed = ["--as", "jane", "--as-group", "dev", "--as-group", "ops", "--api-addr", "127.0.0.1:1"]
    context = context_of(parser.parse_args(typed), {})
    assert (context.as_user, context.as_groups, context.api_addr) == ("jane", ("dev", "ops"), "127.0.0.1:1")
    with pytest.raises(UsageError, match="--as-group needs --as"):
        context_of(parser.parse_args(["--as-group", "dev"]), {})


def test_abbreviations_are_not_guessed() -> None:
    with pytest.raises(UsageError):
        _parse("--verb")
