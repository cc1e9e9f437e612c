"""Header lists: hop-by-hop fields, look-ups, cookies."""

import pytest

from linkerd_proxy.codec import headers
from linkerd_proxy.codec.headers import Headers

PLAIN: Headers = [(b"host", b"web"), (b"accept", b"*/*"), (b"accept", b"text/html")]


def test_look_ups() -> None:
    assert headers.find(PLAIN, b"accept") == b"*/*"
    assert headers.find(PLAIN, b"cookie") is None
    assert headers.find_all(PLAIN, b"accept") == [b"*/*", b"text/html"]
    assert headers.tokens([(b"connection", b"Close, ,x"), (b"connection", b" y\t")], b"connection") == [
        b"close",
        b"x",
        b"y",
    ]


def test_a_list_without_hop_by_hop_fields_is_not_copied() -> None:
    assert headers.strip_hop_by_hop(PLAIN) is PLAIN
    assert headers.without(PLAIN, frozenset((b"cookie",))) is PLAIN
    assert headers.join_cookies(PLAIN) is PLAIN


def test_without() -> None:
    assert headers.without(PLAIN, frozenset((b"accept",))) == [(b"host", b"web")]


@pytest.mark.parametrize("name", [*sorted(headers.HOP_BY_HOP - {b"te"})])
def test_hop_by_hop_fields_go(name: bytes) -> None:
    assert headers.strip_hop_by_hop([*PLAIN, (name, b"x")]) == PLAIN


def test_what_connection_names_goes_too() -> None:
    fields = [(b"connection", b"close, X-Hop"), (b"x-hop", b"1"), (b"x-end", b"2"), *PLAIN]
    assert headers.strip_hop_by_hop(fields) == [(b"x-end", b"2"), *PLAIN]


def test_connection_cannot_name_what_the_message_needs() -> None:
    """Otherwise a client could make a proxy drop Host or Content-Length."""
    fields = [(b"connection", b"host, content-length, l5d-client-id"), *PLAIN, (b"content-length", b"3")]
    assert headers.strip_hop_by_hop(fields) == [*PLAIN, (b"content-length", b"3")]


def test_te_trailers_stays() -> None:
    assert headers.strip_hop_by_hop([*PLAIN, (b"te", b"trailers, deflate")]) == [*PLAIN, (b"te", b"trailers")]
    assert headers.strip_hop_by_hop([*PLAIN, (b"te", b"gzip")]) == PLAIN
    http1 = headers.strip_hop_by_hop([(b"connection", b"te"), (b"te", b"trailers")], headers.NOT_FORWARDED)
    assert http1 == [(b"te", b"trailers")]


def test_cookies_are_joined_where_the_first_was() -> None:
    fields = [(b"cookie", b"a=1"), (b"x", b"y"), (b"cookie", b"b=2"), (b"cookie", b"c=3")]
    assert headers.join_cookies(fields) == [(b"cookie", b"a=1; b=2; c=3"), (b"x", b"y")]
