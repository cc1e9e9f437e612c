import pytest

from linkerd_proxy.codec.headers import Headers
from linkerd_proxy.http.exchange import ABSOLUTE_FORM, CARRIED, CONNECT, GRPC, HEAD, HTTP_2, HTTP_10, HTTP_11
from linkerd_proxy.http.request import MEMO_SIZE, HeadMemo, RequestHead

BASE: Headers = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/p"), (b":authority", b"a:80")]


def test_what_a_head_says() -> None:
    head = RequestHead([*BASE, (b"l5d-require-id", b"x")])
    assert (head.method, head.path, head.authority, head.version) == (b"GET", b"/p", b"a:80", HTTP_2)
    assert head.require_id == b"x"
    assert head.flags == 0
    assert head.sent == BASE
    assert RequestHead(BASE).sent is BASE
    assert RequestHead([*BASE, (b"l5d-dst-override", b"x")]).sent == BASE


@pytest.mark.parametrize(
    ("extra", "version", "flags"),
    [
        ((b"content-type", b"application/grpc"), HTTP_2, GRPC),
        ((b"content-type", b"application/json"), HTTP_2, 0),
        ((b"l5d-orig-proto", b"HTTP/1.1"), HTTP_11, CARRIED),
        ((b"l5d-orig-proto", b"HTTP/1.0"), HTTP_10, CARRIED),
        ((b"l5d-orig-proto", b"HTTP/1.1; absolute-form"), HTTP_11, CARRIED | ABSOLUTE_FORM),
    ],
)
def test_kinds_of_requests(extra: tuple[bytes, bytes], version: int, flags: int) -> None:
    head = RequestHead([*BASE, extra])
    assert (head.version, head.flags) == (version, flags)


def test_methods_that_count() -> None:
    assert RequestHead([(b":method", b"HEAD"), *BASE[1:]]).flags == HEAD
    assert RequestHead([(b":method", b"CONNECT"), (b":authority", b"a:1")]).flags == CONNECT


def test_host_stands_in_for_a_missing_authority() -> None:
    assert RequestHead([*BASE[:3], (b"host", b"h")]).authority == b"h"
    assert RequestHead(BASE[:3]).authority == b""


def test_equal_heads_are_one_and_the_memo_is_bounded() -> None:
    memo = HeadMemo()
    first = memo.get(list(BASE))
    assert memo.get(list(BASE)) is first
    for n in range(3 * MEMO_SIZE):
        memo.get([*BASE, (b"n", b"%d" % n)])
    assert len(memo._heads) <= MEMO_SIZE
