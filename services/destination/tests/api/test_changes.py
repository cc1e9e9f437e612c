"""Messages: goldens, and deltas that lead to the same document as the whole one."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import linkerd_contract
from linkerd_contract.codec import decode
from linkerd_contract.outbound import Backend, Endpoint, OutboundDocument, Protocol
from linkerd_contract.watch import CHUNK, ServerMessage, WatchCode, WatchError
from linkerd_destination.api import changes

GOLDEN = Path(linkerd_contract.__file__).parents[2] / "tests" / "golden"


def golden(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text())


def messages(tails: list[changes.Tail], ident: int = 7) -> list[Any]:
    return [json.loads(changes.frame(ident, tail)) for tail in tails]


def document(endpoints: dict[str, list[Endpoint]], authority: str = "a:1") -> OutboundDocument:
    return OutboundDocument(
        authority=authority, backends={ref: Backend(endpoints=found) for ref, found in endpoints.items()}
    )


def test_goldens() -> None:
    assert messages(changes.current("9f3a")) == [golden("watch-current")]
    error = WatchError(code=WatchCode.invalid_target, message="no port in 'voting'", retryable=False)
    assert messages(changes.failure(error)) == [golden("watch-error")]
    before = document({"voting": [Endpoint(addr="10.42.0.7:8080"), Endpoint(addr="10.42.0.8:8080")]})
    after = document({"voting": [Endpoint(addr="10.42.0.8:8080"), Endpoint(addr="10.42.0.9:8080")]})
    tails = changes.delta(before, after, "9f3a", "9f3b")
    assert tails is not None
    assert messages(tails) == [golden("watch-delta")]
    whole = OutboundDocument(authority="10.42.0.9:80")
    assert messages(changes.whole(whole, "9f3a")) == [{k: v for k, v in golden("watch-set").items() if k != "end"}]


def test_a_golden_document_travels_whole() -> None:
    raw = (GOLDEN / "outbound-service-profile.json").read_bytes()
    read = decode(raw, OutboundDocument)
    [message] = messages(changes.whole(read, "v"))
    assert message["set"] == json.loads(raw)


def test_versions_are_of_document_zone_and_namespace() -> None:
    one = document({})
    versions = {
        changes.version_of(one, "ns", "a"),
        changes.version_of(one, "ns", "b"),
        changes.version_of(one, "nsa", ""),
        changes.version_of(document({}, "b:1"), "ns", "a"),
    }
    assert len(versions) == 4
    assert changes.version_of(document({}), "ns", "a") in versions


@pytest.mark.parametrize(
    "after",
    [
        document({"x": []}, "b:1"),
        document({"x": [], "y": []}),
        document({}),
        msgspec.structs.replace(document({"x": []}), protocol=Protocol.opaque),
        document({"x": [Endpoint(addr="z:1"), Endpoint(addr="z:2")]}),
        document({"x": [Endpoint(addr="a:1"), Endpoint(addr="b:1")]}),
    ],
)
def test_other_changes_need_the_whole_document(after: OutboundDocument) -> None:
    before = document({"x": [Endpoint(addr="a:1"), Endpoint(addr="b:1")]})
    assert changes.delta(before, after, "1", "2") is None


ENDPOINT = st.builds(Endpoint, addr=st.integers(0, 20).map(lambda n: f"10.0.0.{n}:80"), weight=st.sampled_from([1, 2]))
ENDPOINTS = st.lists(ENDPOINT, max_size=12, unique_by=lambda e: e.addr).map(
    lambda found: sorted(found, key=lambda e: e.addr)
)


@given(ENDPOINTS, ENDPOINTS, ENDPOINTS, ENDPOINTS)
def test_a_delta_leads_to_the_document(
    a: list[Endpoint], b: list[Endpoint], c: list[Endpoint], d: list[Endpoint]
) -> None:
    before, after = document({"x": a, "y": b}), document({"x": c, "y": d})
    tails = changes.delta(before, after, "1", "2")
    if tails is None:
        return
    state = {ref: {e.addr: e for e in backend.endpoints} for ref, backend in before.backends.items()}
    apply(state, [decode(changes.frame(1, t), ServerMessage) for t in tails], base="1")
    assert {ref: sorted(found) for ref, found in state.items()} == {"x": [e.addr for e in c], "y": [e.addr for e in d]}
    assert state == {ref: {e.addr: e for e in backend.endpoints} for ref, backend in after.backends.items()}


def apply(state: dict[str, dict[str, Endpoint]], parts: list[ServerMessage], base: str) -> None:
    assert [part.end for part in parts] == [False] * (len(parts) - 1) + [True]
    for part in parts:
        assert part.base == base
        assert part.endpoints is not None
        found = state[part.endpoints.backend]
        assert len(part.endpoints.add) <= CHUNK
        for addr in part.endpoints.remove:
            del found[addr]
        found.update({e.addr: e for e in part.endpoints.add})


@pytest.mark.parametrize("sizes", [(0, 0), (1000, 0), (1000, 1), (999, 2), (2500, 1500), (0, 3001)])
def test_long_lists_travel_in_parts(sizes: tuple[int, int]) -> None:
    endpoints = {
        ref: [Endpoint(addr=f"{ref}-{n}:1") for n in range(size)] for ref, size in zip("xy", sizes, strict=True)
    }
    parts = [decode(changes.frame(1, t), ServerMessage) for t in changes.whole(document(endpoints), "v")]
    first = msgspec.json.decode(parts[0].set, type=OutboundDocument)
    assert sum(len(b.endpoints) for b in first.backends.values()) <= CHUNK
    state = {ref: {e.addr: e for e in b.endpoints} for ref, b in first.backends.items()}
    assert parts[0].end is (len(parts) == 1)
    if parts[1:]:
        apply(state, parts[1:], base="v")
    assert {ref: list(found) for ref, found in state.items()} == {
        ref: [e.addr for e in found] for ref, found in endpoints.items()
    }
    assert {p.version for p in parts} == {"v"}
