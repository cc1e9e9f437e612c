"""gRPC statuses and messages."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkerd_proxy.codec import grpc


@pytest.mark.parametrize(
    ("value", "status"), [(b"0", 0), (b"14", 14), (b"99", 99), (b"", 2), (b"-1", 2), (b"x", 2), (b"9" * 30, 2)]
)
def test_status(value: bytes, status: int) -> None:
    assert grpc.status([(b"a", b"b"), (b"grpc-status", value)]) == status


def test_no_status() -> None:
    assert grpc.status([(b"a", b"b")]) is None


def test_failures() -> None:
    assert sorted(code for code in range(17) if not grpc.is_success(code)) == [2, 4, 7, 13, 14, 15]
    assert grpc.is_success(None)


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [(b"application/grpc", True), (b"application/grpc+proto", True), (b"application/json", False)],
)
def test_content_types(content_type: bytes, expected: bool) -> None:
    assert grpc.is_grpc([(b"content-type", content_type)]) is expected
    assert not grpc.is_grpc([])


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_messages_survive(text: str) -> None:
    encoded = grpc.encode_message(text)
    assert grpc.decode_message(encoded) == text
    assert all(0x20 <= byte < 0x7F for byte in encoded)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"a%20b", "a b"),
        (b"100%", "100%"),
        (b"%zz", "%zz"),
        (b"%4", "%4"),
        (b"%c3%a4", "ä"),
        (b"%ff", "\ufffd"),
        (b"%+1", "%+1"),
        (b"%  x", "%  x"),
    ],
)
def test_odd_messages(value: bytes, text: str) -> None:
    assert grpc.decode_message(value) == text
