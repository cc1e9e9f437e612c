"""Match trees as a table, and what is refused."""

import pytest
from services.proxy.tests.http.recording import exchange

from linkerd_contract.tap import TapMatch
from linkerd_proxy.addrs import ClientAddr
from linkerd_proxy.codec.headers import Headers
from linkerd_proxy.http.watch import Facts
from linkerd_proxy.tap.match import MAX_DEPTH, MAX_NODES, BadMatch, compile_match
from linkerd_runtime.settings import Addr

HEAD: Headers = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/api/v?x=1"), (b":authority", b"web:80")]
FACTS = Facts(
    Addr("10.42.0.7", 8080),
    source=ClientAddr(Addr("fd00::5", 40000)),
    source_labels={},
    destination_labels={"deployment": "voting", "namespace": "emojivoto"},
    route_labels={"route": "r"},
)


@pytest.mark.parametrize(
    ("match", "taken"),
    [
        (TapMatch(), True),
        (TapMatch(method="POST", scheme="http", authority="web:80", path="/api/v?x=1"), True),
        (TapMatch(method="GET"), False),
        (TapMatch(scheme="https"), False),
        (TapMatch(authority="web"), False),
        (TapMatch(authority_prefix="web"), True),
        (TapMatch(path="/api"), False),
        (TapMatch(path_prefix="/api"), True),
        (TapMatch(path_prefix="/apis"), False),
        (TapMatch(source_cidr="fd00::/8"), True),
        (TapMatch(source_cidr="10.0.0.0/8"), False),
        (TapMatch(destination_cidr="10.42.0.0/16"), True),
        (TapMatch(destination_port_min=8080), True),
        (TapMatch(destination_port_max=8080), True),
        (TapMatch(destination_port_min=8081), False),
        (TapMatch(destination_port_min=1, destination_port_max=8079), False),
        (TapMatch(destination_labels={"deployment": "voting"}), True),
        (TapMatch(destination_labels={"deployment": "voting", "namespace": "x"}), False),
        (TapMatch(route_labels={"route": "r"}), True),
        (TapMatch(route_labels={"other": "r"}), False),
        (TapMatch(all=[TapMatch(method="POST"), TapMatch(path_prefix="/api")]), True),
        (TapMatch(all=[TapMatch(method="POST"), TapMatch(path_prefix="/b")]), False),
        (TapMatch(any=[TapMatch(method="GET"), TapMatch(path_prefix="/api")]), True),
        (TapMatch(any=[TapMatch(method="GET"), TapMatch(path_prefix="/b")]), False),
        (TapMatch(not_=TapMatch(method="GET")), True),
        (TapMatch(method="POST", not_=TapMatch(path_prefix="/api")), False),
    ],
)
def test_match(match: TapMatch, taken: bool) -> None:
    assert compile_match(match)(exchange(HEAD), FACTS) is taken


@pytest.mark.parametrize(
    ("match", "says"),
    [
        (TapMatch(source_cidr="10.0.0.0/33"), "sourceCidr"),
        (TapMatch(destination_cidr="web"), "destinationCidr"),
        (TapMatch(destination_port_min=90, destination_port_max=80), "90-80"),
        (TapMatch(destination_port_max=70_000), "70000"),
        (TapMatch(any=[TapMatch()] * MAX_NODES), "nodes"),
    ],
)
def test_refused(match: TapMatch, says: str) -> None:
    with pytest.raises(BadMatch, match=says):
        compile_match(match)


def test_depth_is_bounded() -> None:
    match = TapMatch()
    for _ in range(MAX_DEPTH - 1):
        match = TapMatch(not_=match)
    compile_match(match)
    with pytest.raises(BadMatch, match="deep"):
        compile_match(TapMatch(not_=match))
