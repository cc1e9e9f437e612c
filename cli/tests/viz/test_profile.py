"""`linkerd viz profile`: a ServiceProfile from what a tap sees."""

import json

import pytest
from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal
from cli.tests.viz.taps import exchange, tapping

from linkerd_contract.viz import TapQuery

YAML = """\
apiVersion: linkerd.io/v1alpha2
kind: ServiceProfile
metadata:
  name: web-svc.emojivoto.svc.cluster.local
  namespace: emojivoto
spec:
  routes:
  - condition:
      method: GET
      pathRegex: /api/list
    name: GET /api/list
"""
ASK = ("viz", "profile", "web-svc", "--tap", "deploy/web", "-n", "emojivoto")


async def test_routes_of_what_the_resource_is_asked(terminal: Terminal) -> None:
    async with tapping(terminal) as taps:
        taps.events = [*exchange(), *exchange(1)]
        taps.hold = True
        said = await terminal.linkerd(*ASK, "--tap-duration", "1s")
        assert (said.code, said.out, said.err) == (0, YAML, "")
        assert taps.asked[0][1] == TapQuery("deployment", "emojivoto", "web")


async def test_enough_routes_are_the_end(terminal: Terminal) -> None:
    async with tapping(terminal) as taps:
        taps.hold = True
        said = await terminal.linkerd(*ASK, "--tap-duration", "10m", "--tap-route-limit", "1", "-o", "json")
        assert said.code == 0
        assert [route["name"] for route in json.loads(said.out)["spec"]["routes"]] == ["GET /api/list"]
        assert said.err == "‼ only the first 1 routes; more with --tap-route-limit\n"


async def test_no_request_no_profile(terminal: Terminal) -> None:
    async with tapping(terminal) as taps:
        taps.events, taps.hold = [], True
        said = await terminal.linkerd(*ASK, "--tap-duration", "100ms")
        assert (said.code, said.out) == (1, "")
        assert said.err == "Error: deploy/web took no request within 100ms: look longer with --tap-duration\n"


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--tap-duration", "long"), "--tap-duration: 'long' is not a duration"),
        (("--tap-route-limit", "0"), "--tap-route-limit: 0 is not more than 0"),
        (("--tap", "frog/x"), 'cannot find Kubernetes canonical name from friendly name "frog"'),
    ],
)
async def test_bad_input_is_one_line(terminal: Terminal, kube: Cluster, flags: tuple[str, ...], told: str) -> None:
    said = await terminal.linkerd(*ASK, *flags)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"Error: {told}")
    assert said.err.count("\n") == 1
