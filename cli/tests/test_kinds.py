"""Kinds as people type them."""

import pytest

from linkerd_cli.errors import UsageError
from linkerd_cli.kinds import POLICIES, TRAFFIC, WORKLOADS, canonical, parse_resources


@pytest.mark.parametrize(
    ("typed", "kind"),
    [("deploy", "deployment"), ("Deployments", "deployment"), ("po", "pod"), ("ns", "namespace"), ("svc", "service")],
)
def test_canonical(typed: str, kind: str) -> None:
    assert canonical(typed) == kind


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("frog", 'cannot find Kubernetes canonical name from friendly name "frog"'),
        ("ts", "ts: not a kind that this command takes"),
    ],
)
def test_others(typed: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        canonical(typed)


def test_what_some_commands_take_besides() -> None:
    assert canonical("au", TRAFFIC) == "authority"
    assert canonical("CJ", WORKLOADS) == "cronjob"
    assert canonical("saz", POLICIES) == "serverauthorization"
    assert parse_resources(["ts/web"], TRAFFIC) == [("trafficsplit", "web")]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["deploy"], [("deployment", None)]),
        (["deploy/web"], [("deployment", "web")]),
        (["deploy", "web", "emoji"], [("deployment", "web"), ("deployment", "emoji")]),
        (["deploy/web", "po/x"], [("deployment", "web"), ("pod", "x")]),
    ],
)
def test_resources(words: list[str], expected: list[tuple[str, str | None]]) -> None:
    assert parse_resources(words) == expected


@pytest.mark.parametrize("words", [["deploy/"], ["deploy/web", "po"]])
def test_bad_resources(words: list[str]) -> None:
    with pytest.raises(UsageError, match="write KIND/NAME"):
        parse_resources(words)
