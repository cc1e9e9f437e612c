"""The contract's golden documents, as the proxy reads them: destination's tests write the same files."""

import json
from pathlib import Path

import pytest

from linkerd_contract import codec
from linkerd_contract.inbound import InboundDocument
from linkerd_contract.outbound import OutboundDocument
from linkerd_contract.watch import ServerMessage
from linkerd_rules.policy import InboundPolicy, OutboundPolicy

GOLDEN = Path(__file__).parents[4] / "libs/contract/tests/golden"
VOTE = b"/emojivoto.v1.VotingService/VoteDoughnut"


def read(name: str) -> bytes:
    return (GOLDEN / f"{name}.json").read_bytes()


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        (b"POST", VOTE, "POST /emojivoto.v1.VotingService/VoteDoughnut"),
        (b"GET", VOTE, "[DEFAULT]"),
        (b"POST", VOTE + b"/more", "[DEFAULT]"),
    ],
)
def test_a_service_profile_routes(method: bytes, path: bytes, route: str) -> None:
    policy = OutboundPolicy(codec.decode(read("outbound-service-profile"), OutboundDocument))
    found = policy.route(method, b"voting.emojivoto:8080", path, [])
    assert found is not None
    assert found.route.name == route
    assert policy.problems == []


@pytest.mark.parametrize(
    ("headers", "query", "matches"),
    [
        ([(b"x-canary", b"yes")], b"?v=12", True),
        ([(b"x-canary", b"no")], b"?v=12", False),
        ([(b"x-canary", b"yes")], b"?v=twelve", False),
    ],
)
def test_a_gateway_route_matches_by_header_and_query(
    headers: list[tuple[bytes, bytes]], query: bytes, matches: bool
) -> None:
    document = json.loads(read("outbound-gateway"))
    del document["routes"][0]["matches"][1:]
    policy = OutboundPolicy(codec.decode(json.dumps(document), OutboundDocument))
    found = policy.route(b"GET", b"web-svc.emojivoto", b"/api/list" + query, headers)
    assert (found is not None) is matches


def test_inbound_policy() -> None:
    policy = InboundPolicy(codec.decode(read("inbound"), InboundDocument))
    assert policy.port(8080).protocol.name == "grpc"
    assert policy.port(9999).protocol.name == "opaque"
    assert policy.port(9999).authorize_tcp("192.0.2.1", None, False).allowed


@pytest.mark.parametrize(
    ("method", "path", "route"), [(b"POST", b"/vote", "POST /vote"), (b"GET", b"/vote", "[DEFAULT]")]
)
def test_inbound_profiles(method: bytes, path: bytes, route: str) -> None:
    rules = InboundPolicy(codec.decode(read("inbound"), InboundDocument)).port(8080)
    profile = rules.profile(b"voting.emojivoto.svc.cluster.local:8080")
    assert profile is not None
    found = profile.route(method, b"voting", path, [])
    assert found is not None
    assert found.route.name == route
    assert rules.problems == []


@pytest.mark.parametrize("name", ["watch-set", "watch-current", "watch-delta", "watch-error"])
def test_messages(name: str) -> None:
    message = codec.decode(read(name), ServerMessage)
    assert message.id == 7
    assert (message.error is not None) == (name == "watch-error")
    assert (message.endpoints is not None) == (name == "watch-delta")
    assert bool(bytes(message.set)) == (name == "watch-set")
