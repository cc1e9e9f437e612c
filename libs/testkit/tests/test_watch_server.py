"""Documents as messages of the watch protocol. (The rest is tested through clients.)"""

from linkerd_contract import codec
from linkerd_contract.inbound import InboundDocument
from linkerd_contract.outbound import Backend, Endpoint, OutboundDocument
from linkerd_contract.watch import CHUNK
from linkerd_testkit.watch_server import parts_of, version_of


def document(count: int) -> OutboundDocument:
    endpoints = [Endpoint(f"10.0.{i // 256}.{i % 256}:80") for i in range(count)]
    return OutboundDocument("web:80", backends={"a": Backend(endpoints=endpoints), "b": Backend()})


def test_short_documents_are_one_message() -> None:
    for whole in (document(CHUNK), InboundDocument()):
        [only] = parts_of(7, "v", whole)
        assert (only.id, only.version, only.end) == (7, "v", True)
        assert bytes(only.set) == codec.encode(whole)


def test_long_lists_are_cut() -> None:
    first, *rest = parts_of(7, "v", document(2 * CHUNK + 1))
    assert not first.end
    begun = codec.decode(bytes(first.set), OutboundDocument)
    assert len(begun.backends["a"].endpoints) == CHUNK
    assert [part.end for part in rest] == [False, True]
    added = [len(part.endpoints.add) for part in rest if part.endpoints is not None]
    assert added == [CHUNK, 1]


def test_versions_are_of_the_content() -> None:
    assert version_of(document(1)) == version_of(document(1)) != version_of(document(2))
