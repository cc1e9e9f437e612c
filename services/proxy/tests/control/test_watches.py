"""The watch protocol's state: snapshots whole or not at all, deltas on their base only, parts applied together."""

import json

import msgspec
import pytest

from linkerd_contract import codec
from linkerd_contract.inbound import InboundDocument
from linkerd_contract.outbound import Backend, Endpoint, OutboundDocument, Route, WeightedBackend
from linkerd_contract.watch import EndpointsDelta, ServerMessage, WatchCode, WatchError, WatchKind
from linkerd_proxy.control.watches import BadMessage, Watched, Watches
from linkerd_rules.policy import InboundPolicy, OutboundPolicy

TARGET = "10.0.0.1:80"
DOC = OutboundDocument(
    "web:80",
    routes=[Route(backends=[WeightedBackend("a")])],
    backends={"a": Backend(endpoints=[Endpoint("10.1.0.1:80"), Endpoint("10.1.0.2:80")]), "b": Backend()},
)


def message(watch_id: int, version: str = "", **fields: object) -> str:
    if "set" in fields:
        fields["set"] = msgspec.Raw(codec.encode(fields["set"]))
    return codec.encode(ServerMessage(watch_id, version, **fields)).decode()  # type: ignore[arg-type]


def addrs(watched: Watched, backend: str = "a") -> list[str]:
    assert isinstance(watched.policy, OutboundPolicy)
    return [endpoint.addr for endpoint in watched.policy.doc.backends[backend].endpoints]


@pytest.fixture(name="watches")
def fixture_watches() -> Watches:
    return Watches("emojivoto/web-0", "node-1", "zone-1")


@pytest.fixture(name="watched")
def fixture_watched(watches: Watches) -> Watched:
    """One target with a snapshot of version v1, on a connection."""
    watches.connected()
    watched, _ = watches.add(WatchKind.outbound, TARGET)
    assert watches.received(message(watched.id, "v1", set=DOC)) == (watched, [])
    return watched


def test_hello_and_watches(watches: Watches) -> None:
    watched, sent = watches.add(WatchKind.outbound, TARGET)
    assert sent == []
    texts = watches.connected()
    assert [json.loads(text) for text in texts] == [
        {"type": "hello", "workload": "emojivoto/web-0", "node": "node-1", "zone": "zone-1"},
        {"type": "watch", "id": 1, "kind": "outbound", "target": TARGET},
    ]
    _, sent = watches.add(WatchKind.inbound, "")
    assert [json.loads(text) for text in sent] == [{"type": "watch", "id": 2, "kind": "inbound"}]
    assert [json.loads(text) for text in watches.remove(watched)] == [{"type": "unwatch", "id": 1}]


def test_set(watches: Watches, watched: Watched) -> None:
    assert addrs(watched) == ["10.1.0.1:80", "10.1.0.2:80"]
    assert watched.version == "v1"
    inbound, _ = watches.add(WatchKind.inbound, "")
    watches.received(message(inbound.id, "i1", set=InboundDocument("emojivoto/web-0")))
    assert isinstance(inbound.policy, InboundPolicy)


def test_what_is_known_is_said_at_the_next_connection(watches: Watches, watched: Watched) -> None:
    policy = watched.policy
    watches.disconnected()
    hello, watch = [json.loads(text) for text in watches.connected()]
    assert hello["known"] == [{"kind": "outbound", "version": "v1", "target": TARGET}]
    assert watch["id"] == watched.id
    assert watches.received(message(watched.id, "v1")) == (None, [])
    assert watched.policy is policy


def test_delta(watches: Watches, watched: Watched) -> None:
    assert isinstance(watched.policy, OutboundPolicy)
    route = watched.policy.only
    delta = EndpointsDelta("a", [Endpoint("10.1.0.2:80", zone="z"), Endpoint("10.1.0.3:80")], ["10.1.0.1:80"])
    changed, sent = watches.received(message(watched.id, "v2", base="v1", endpoints=delta))
    assert (changed, sent) == (watched, [])
    assert addrs(watched) == ["10.1.0.2:80", "10.1.0.3:80"]
    assert watched.version == "v2"
    assert watched.policy.only is route


@pytest.mark.parametrize(
    "fields",
    [
        {"version": "v3", "base": "v2", "endpoints": EndpointsDelta("a", remove=["10.1.0.1:80"])},
        {"version": "v2", "base": "v1", "endpoints": EndpointsDelta("nobody", remove=["10.1.0.1:80"])},
        {"version": "v9"},
    ],
    ids=["another base", "another backend", "current, but not ours"],
)
def test_what_does_not_fit_begins_the_watch_anew(watches: Watches, watched: Watched, fields: dict[str, object]) -> None:
    old, policy = watched.id, watched.policy
    changed, sent = watches.received(message(watched.id, **fields))  # type: ignore[arg-type]
    assert changed is None
    assert [json.loads(text)["type"] for text in sent] == ["unwatch", "watch"]
    assert json.loads(sent[0])["id"] == old
    assert json.loads(sent[1])["id"] == watched.id != old
    assert watched.policy is policy
    # What still comes under the old id is not for us.
    assert watches.received(message(old, "v3", set=DOC)) == (None, [])


def test_parts_are_applied_together(watches: Watches, watched: Watched) -> None:
    before = watched.policy
    first = message(watched.id, "v2", set=DOC, end=False)
    second = message(watched.id, "v2", endpoints=EndpointsDelta("a", [Endpoint("10.1.0.3:80")]), end=False)
    last = message(watched.id, "v2", endpoints=EndpointsDelta("b", [Endpoint("10.1.0.4:80")]))
    assert watches.received(first) == (None, [])
    assert watches.received(second) == (None, [])
    assert watched.policy is before
    assert watches.received(last) == (watched, [])
    assert addrs(watched) == ["10.1.0.1:80", "10.1.0.2:80", "10.1.0.3:80"]
    assert addrs(watched, "b") == ["10.1.0.4:80"]


def test_a_delta_in_parts(watches: Watches, watched: Watched) -> None:
    first = EndpointsDelta("a", remove=["10.1.0.1:80", "10.1.0.2:80"])
    second = EndpointsDelta("a", [Endpoint("10.1.0.9:80")])
    watches.received(message(watched.id, "v2", base="v1", endpoints=first, end=False))
    assert watches.received(message(watched.id, "v2", base="v1", endpoints=second)) == (watched, [])
    assert addrs(watched) == ["10.1.0.9:80"]


def test_a_set_between_parts_begins_anew(watches: Watches, watched: Watched) -> None:
    watches.received(message(watched.id, "v2", set=DOC, end=False))
    newest = msgspec.structs.replace(DOC, authority="newest:80")
    assert watches.received(message(watched.id, "v3", set=newest)) == (watched, [])
    assert isinstance(watched.policy, OutboundPolicy)
    assert watched.policy.doc.authority == "newest:80"


def test_errors_keep_the_snapshot(watches: Watches, watched: Watched) -> None:
    policy = watched.policy
    error = WatchError(WatchCode.unavailable, "later")
    assert watches.received(message(watched.id, error=error)) == (watched, [])
    assert (watched.error, watched.policy) == (error, policy)
    # It is current after all: subscribers hear of it.
    assert watches.received(message(watched.id, "v1")) == (watched, [])
    assert watched.error is None


@pytest.mark.parametrize("text", ["", "{", '{"id": "x"}', '{"id": ID, "version": "v2", "set": {"authority": 1}}', "[]"])
def test_bad_messages_change_nothing(watches: Watches, watched: Watched, text: str) -> None:
    before = (watched.policy, watched.version, watched.id)
    with pytest.raises(BadMessage):
        watches.received(text.replace("ID", str(watched.id)))
    assert (watched.policy, watched.version, watched.id) == before


def test_unknown_fields_and_enums_are_taken(watches: Watches, watched: Watched) -> None:
    text = '{"id": ID, "version": "v2", "new": 1, "set": {"authority": "x", "protocol": "http9", "more": []}}'
    changed, _ = watches.received(text.replace("ID", str(watched.id)))
    assert changed is watched


def test_endpoints_for_an_inbound_watch_are_refused(watches: Watches) -> None:
    watches.connected()
    watched, _ = watches.add(WatchKind.inbound, "")
    watches.received(message(watched.id, "v1", set=InboundDocument()))
    with pytest.raises(BadMessage):
        watches.received(message(watched.id, "v2", base="v1", endpoints=EndpointsDelta("a")))


@pytest.mark.parametrize("addr", ["", "10.0.0.1", "host:80", "10.0.0.1:99999", "300.1.1.1:80", "::1:80"])
def test_endpoints_without_an_address_are_refused_whole(watches: Watches, watched: Watched, addr: str) -> None:
    before = watched.policy
    bad = msgspec.structs.replace(DOC, backends={"a": Backend(endpoints=[Endpoint(addr)])})
    delta = EndpointsDelta("a", add=[Endpoint(addr)])
    for text in (message(watched.id, "v2", set=bad), message(watched.id, "v2", base="v1", endpoints=delta)):
        with pytest.raises(BadMessage):
            watches.received(text)
        assert watched.policy is before


def test_conditions_nested_without_end_are_refused(watches: Watches, watched: Watched) -> None:
    before = watched.policy
    for depth in (300, 100_000):
        nested = '{"not":' * depth + "{}" + "}" * depth
        text = f'{{"id":{watched.id},"version":"v2","set":{{"authority":"a","routes":[{{"matches":[{nested}]}}]}}}}'
        try:
            watches.received(text)
        except BadMessage:
            assert watched.policy is before
        else:
            assert depth == 300
            before = watched.policy
