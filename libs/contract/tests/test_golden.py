"""Every document against its golden file: what is written there is what every version must read and write.

The services' own tests read the same files, so producer and consumer cannot drift apart.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from linkerd_contract import explain, identity, inbound, outbound, problem, replay, tap, trust, viz, watch
from linkerd_contract.codec import Document, decode, encode

GOLDEN = Path(__file__).parent / "golden"
KINDS: dict[str, object] = {
    "outbound-service-profile": outbound.OutboundDocument,
    "outbound-gateway": outbound.OutboundDocument,
    "outbound-forbidden": outbound.OutboundDocument,
    "inbound": inbound.InboundDocument,
    "certify-request": identity.CertifyRequest,
    "certify-response": identity.CertifyResponse,
    "problem": problem.Problem,
    "watch-hello": watch.ClientMessage,
    "watch-watch": watch.ClientMessage,
    "watch-unwatch": watch.ClientMessage,
    "watch-set": watch.ServerMessage,
    "watch-current": watch.ServerMessage,
    "watch-delta": watch.ServerMessage,
    "watch-error": watch.ServerMessage,
    "tap-request": tap.TapRequest,
    "tap-event-request": tap.TapEvent,
    "tap-event-response": tap.TapEvent,
    "tap-event-end": tap.TapEvent,
    "trust-status": trust.TrustStatus,
    "viz-stat": viz.StatResponse,
    "viz-stat-inbound": viz.StatInboundResponse,
    "viz-stat-outbound": viz.StatOutboundResponse,
    "viz-edges": viz.EdgesResponse,
    "viz-graph": viz.GraphResponse,
    "viz-routes": viz.RoutesResponse,
    "viz-authz": viz.AuthzResponse,
    "viz-pods": viz.PodsResponse,
    "viz-history": viz.HistoryResponse,
    "viz-certificates": viz.CertificatesResponse,
    "viz-tap": viz.TapQuery,
    "proxy-error": explain.ProxyErrorLine,
    "decision-trace": explain.DecisionTrace,
    "explanation": explain.Explanation,
    "replay": replay.Replay,
    "replayed": replay.Replayed,
}


RELEASED = sorted((Path(__file__).parent / "released").glob("*/*.json"))
"""Goldens of earlier states, a folder each: what still runs somewhere while a cluster is upgraded. At a release the
folder golden is copied there under its version; what no supported version writes any more is deleted."""


def read(name: str) -> bytes:
    return (GOLDEN / f"{name}.json").read_bytes()


def test_every_golden_file_has_a_kind_and_every_kind_a_file() -> None:
    assert {p.stem for p in GOLDEN.glob("*.json")} == set(KINDS)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_golden_reads_and_writes_back_unchanged(name: str) -> None:
    document = msgspec.json.decode(read(name), type=KINDS[name])
    assert json.loads(encode(document)) == json.loads(read(name))


@pytest.mark.parametrize("file", RELEASED, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_what_earlier_versions_write_is_read(file: Path) -> None:
    """Nothing that they say is lost."""
    said = json.loads(file.read_bytes())
    understood = json.loads(encode(msgspec.json.decode(file.read_bytes(), type=KINDS[file.stem])))
    assert missing(said, understood) == []


@pytest.mark.parametrize("file", RELEASED, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_what_earlier_versions_read_is_still_written(file: Path) -> None:
    """The other way round: whatever an old reader may look for is there, under its name. What came since it ignores."""
    assert set(paths(json.loads(file.read_bytes()))) <= set(paths(json.loads(read(file.stem))))


def paths(node: object, path: str = "") -> Iterator[str]:
    """Of every field, with `[]` for the elements of lists."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield f"{path}.{key}"
            yield from paths(value, f"{path}.{key}")
    elif isinstance(node, list):
        for value in node:
            yield from paths(value, f"{path}[]")


def missing(said: object, understood: object, path: str = "") -> list[str]:
    """Where `understood` lacks something of `said`."""
    if isinstance(said, dict) and isinstance(understood, dict):
        lost = [f"{path}.{key}" for key in said if key not in understood]
        return lost + [
            m for key in said if key in understood for m in missing(said[key], understood[key], f"{path}.{key}")
        ]
    if isinstance(said, list) and isinstance(understood, list) and len(said) == len(understood):
        return [m for i, (a, b) in enumerate(zip(said, understood, strict=True)) for m in missing(a, b, f"{path}[{i}]")]
    return [] if said == understood else [path]


@pytest.mark.parametrize("name", sorted(KINDS))
def test_unknown_fields_of_a_newer_writer_are_ignored(name: str) -> None:
    tree = json.loads(read(name))
    tree.pop("objects", None)  # a replay's are kept raw

    def add(node: object) -> None:
        if isinstance(node, dict):
            for value in list(node.values()):
                add(value)
            node["aFieldOfTomorrow"] = {"deep": [1, None]}
        elif isinstance(node, list):
            for value in node:
                add(value)

    # The keys of these maps are data, and `set` is kept raw: a new key there is no unknown field.
    for maps in ("ports", "backends", "labels", "metadata", "destinationLabels", "routeLabels", "set"):
        tree = _without(tree, maps)
    expected = msgspec.json.decode(json.dumps(tree).encode(), type=KINDS[name])
    add(tree)
    got = msgspec.json.decode(json.dumps(tree).encode(), type=KINDS[name])
    assert encode(got) == encode(expected)


def _without(node: object, key: str) -> object:
    """The tree without the maps under a key."""
    if isinstance(node, dict):
        return {k: _without(v, key) for k, v in node.items() if k != key or not isinstance(v, dict)}
    if isinstance(node, list):
        return [_without(v, key) for v in node]
    return node


@pytest.mark.parametrize("name", sorted(KINDS))
def test_goldens_use_every_field_of_their_documents(name: str) -> None:
    """A field that no golden file holds is a field that nobody agreed on."""
    used: dict[str, set[str]] = {}
    for golden, kind in KINDS.items():
        _collect(msgspec.json.decode(read(golden), type=kind), json.loads(read(golden)), used)
    document = msgspec.json.decode(read(name), type=KINDS[name])
    _check(document, used)


def _collect(value: object, raw: object, used: dict[str, set[str]]) -> None:
    if isinstance(value, Document) and isinstance(raw, dict):
        used.setdefault(type(value).__name__, set()).update(raw)
        for info in msgspec.structs.fields(value):
            _collect(getattr(value, info.name), raw.get(info.encode_name), used)
    elif isinstance(value, list) and isinstance(raw, list):
        for v, r in zip(value, raw, strict=True):
            _collect(v, r, used)
    elif isinstance(value, dict) and isinstance(raw, dict):
        for k, v in value.items():
            _collect(v, raw.get(k), used)


def _check(value: object, used: dict[str, set[str]]) -> None:
    if isinstance(value, Document):
        names = {f.encode_name for f in msgspec.structs.fields(value)}
        assert names - used.get(type(value).__name__, names) == set(), type(value).__name__
        for info in msgspec.structs.fields(value):
            _check(getattr(value, info.name), used)
    elif isinstance(value, list | tuple):
        for v in value:
            _check(v, used)
    elif isinstance(value, dict):
        for v in value.values():
            _check(v, used)


def test_an_unknown_enum_value_reads_as_unknown() -> None:
    assert decode(b'{"authority":"a:1","protocol":"quic"}', outbound.OutboundDocument).protocol.name == "unknown"
    assert decode(b'{"authn":"spiffe"}', inbound.Authorization).authn.name == "unknown"


@pytest.mark.parametrize("bad", [b"", b"{", b"[]", b'{"authority":1}', b'{"authority":"a","routes":{}}'])
def test_a_wrong_shape_is_a_value_error(bad: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode(bad, outbound.OutboundDocument)
