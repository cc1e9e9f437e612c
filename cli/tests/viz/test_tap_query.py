"""Flags of tap and top, and what the API says besides events."""

import pytest
from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal
from cli.tests.viz.taps import exchange, tapping

from linkerd_contract.viz import TapQuery


async def test_flags(terminal: Terminal) -> None:
    async with tapping(terminal) as taps:
        await terminal.linkerd(
            *("viz", "tap", "deploy", "web", "-n", "emojivoto", "--to", "svc/voting", "--to-namespace", "other"),
            *("--max-rps", "5", "--scheme", "http", "--method", "get", "--authority", "a:80", "--path", "/x"),
            *("-l", "app in (web, api),tier!=test"),
        )
        assert taps.asked[0][1] == TapQuery(
            kind="deployment",
            namespace="emojivoto",
            name="web",
            to_kind="service",
            to_name="voting",
            to_namespace="other",
            scheme="http",
            method="GET",
            authority="a:80",
            path="/x",
            selector="app in (web, api),tier!=test",
            max_rps=5.0,
        )


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        (["ns/emojivoto"], "namespaces/emojivoto/tap"),
        (["ns", "-n", "x"], "namespaces/x/tap"),
        (["po"], "namespaces/default/pods/tap"),
        (["deploy/web", "-n", "x"], "namespaces/x/deployments/web/tap"),
    ],
)
async def test_paths(terminal: Terminal, typed: list[str], path: str) -> None:
    async with tapping(terminal) as taps:
        await terminal.linkerd("viz", "tap", *typed)
        assert taps.asked[0][0] == f"/apis/tap.linkerd.io/v1alpha1/watch/{path}"


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["frog/x"], 'cannot find Kubernetes canonical name from friendly name "frog"'),
        (["deploy/a", "deploy/b"], "one resource at a time can be tapped"),
        (["deploy/a", "--max-rps", "0"], "--max-rps: 0 is not more than 0"),
        (["deploy/A B"], "default/A B: no names of Kubernetes objects"),
    ],
)
async def test_bad_input_is_one_line(terminal: Terminal, kube: Cluster, typed: list[str], told: str) -> None:
    said = await terminal.linkerd("viz", "tap", *typed)
    assert (said.code, said.out, said.err) == (1, "", f"Error: {told}\n")


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        ((403, "forbidden: no"), "forbidden: no"),
        ((404, "deployment/web not found in namespace x"), "deployment/web not found in namespace x"),
        (
            (404, "the server could not find the requested resource"),
            "viz's tap is not there: linkerd viz install | kubectl apply -f -",
        ),
        ((502, "no proxy can be tapped: a"), "no proxy can be tapped: a"),
    ],
)
async def test_refusals(terminal: Terminal, refusal: tuple[int, str], told: str) -> None:
    async with tapping(terminal) as taps:
        taps.refuse = refusal
        said = await terminal.linkerd("viz", "tap", "deploy/web")
        assert (said.code, said.out, said.err) == (1, "", f"Error: {told}\n")


async def test_warnings_and_losses_are_told(terminal: Terminal) -> None:
    async with tapping(terminal) as taps:
        taps.warnings = ["1 pods (b) have tap disabled"]
        taps.events = [*exchange(), *exchange(1, 3), *exchange(2, 5)]
        said = await terminal.linkerd("viz", "tap", "deploy/web")
        assert said.err == (
            "‼ 1 pods (b) have tap disabled\n"
            "‼ 3 events were lost: too many to follow\n"
            "‼ 2 events were lost: too many to follow\n"
        )
