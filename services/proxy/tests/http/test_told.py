"""From a failure to its trace and its line."""

from services.proxy.tests.http.recording import GET, exchange

from linkerd_contract.codec import decode
from linkerd_contract.explain import DecisionStep, DecisionTrace, ProxyErrorLine
from linkerd_proxy.errors import ConnectFailed, StreamReset
from linkerd_proxy.http.exchange import Told, Way
from linkerd_proxy.http.told import tell
from linkerd_proxy.telemetry.decisions import Decisions


def test_a_failure_is_kept_with_its_way() -> None:
    decisions = Decisions("0af7651c", lambda: 0.0)
    x = exchange([*GET, (b"authorization", b"secret")])
    x.observer = Told(Way("10.0.0.1:80", [DecisionStep("route", "r")], 3))
    line = tell(decisions, "outbound", x, ConnectFailed("no"))
    assert line == "no [code: i/o; phase: connect; peer: 10.0.0.1:80; id: 0af7651c-0001]"
    data = decisions.get(ProxyErrorLine.parse(line).id)
    assert data is not None
    assert b"secret" not in data
    kept = decode(data, DecisionTrace)
    assert (kept.direction, kept.code, kept.peer, kept.attempts) == ("outbound", "i/o", "10.0.0.1:80", 3)
    assert (kept.method, kept.authority, kept.path) == ("GET", "a", "/")
    assert kept.steps == [DecisionStep("route", "r"), DecisionStep("connect", "i/o", "no")]


def test_what_is_not_known_is_left_out() -> None:
    line = tell(Decisions("0af7651c"), "inbound", exchange(), StreamReset(8))
    assert line == "stream reset (CANCEL) [code: h2(CANCEL); phase: response; id: 0af7651c-0001]"
