"""Protobuf bodies, made by hand from field numbers."""

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkerd_sandbox.apiserver import protobuf
from linkerd_sandbox.apiserver.status import StatusError


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def _field(number: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value & (1 << 64) - 1)
    raw = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(raw)) + raw


def _body(api_version: str, kind: str, raw: bytes) -> bytes:
    meta = _field(1, api_version) + _field(2, kind)
    return b"k8s\0" + _field(1, meta) + _field(2, raw) + _field(3, "") + _field(4, "")


META = _field(1, _field(1, "x") + _field(2, "") + _field(7, 0))


@pytest.mark.parametrize(
    ("api_version", "kind", "raw", "expected"),
    [
        ("v1", "Namespace", META, {"metadata": {"name": "x"}}),
        (
            "v1",
            "ConfigMap",
            META + _field(2, _field(1, "k") + _field(2, "v")),
            {"metadata": {"name": "x"}, "data": {"k": "v"}},
        ),
        ("v1", "Secret", _field(2, _field(1, "k") + _field(2, b"\0")), {"data": {"k": "AA=="}}),
        ("apps/v1", "Deployment", _field(2, _field(1, 0) + _field(5, 0)), {"spec": {"replicas": 0}}),
        (
            "v1",
            "Service",
            _field(2, _field(1, _field(3, 80) + _field(4, _field(1, 0) + _field(2, 8080)) + _field(5, 0))),
            {"spec": {"ports": [{"port": 80, "targetPort": 8080}]}},
        ),
        (
            "v1",
            "Pod",
            _field(2, _field(1, _field(1, "v") + _field(2, _field(2, b"")))),
            {"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}},
        ),
        ("v1", "Event", _field(6, _field(1, 1_700_000_000)), {"firstTimestamp": "2023-11-14T22:13:20Z"}),
        ("authentication.k8s.io/v1", "TokenRequest", _field(2, _field(4, -1)), {"spec": {"expirationSeconds": -1}}),
        ("v1", "DeleteOptions", _field(1, 0), {"gracePeriodSeconds": 0}),
    ],
)
def test_read(api_version: str, kind: str, raw: bytes, expected: dict[str, Any]) -> None:
    found = protobuf.read(_body(api_version, kind, raw))
    assert found == {"kind": kind, "apiVersion": api_version, **expected}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        _body("v1", "Nope", b""),
        _body("v1", "Namespace", b"\x0a\xff"),
        _body("v1", "Namespace", b"\xff" * 20),
        _body("v1", "Namespace", _varint(1 << 3 | 3)),
        _body("v1", "Namespace", _field(1, 5)),
        _body("apps/v1", "Deployment", _field(2, _field(1, "x"))),
        b"k8s\0" + struct.pack("<B", 0x0A),
    ],
)
def test_what_cannot_be_read_is_a_400(raw: bytes) -> None:
    with pytest.raises(StatusError) as caught:
        protobuf.read(raw)
    assert caught.value.code == 400


@given(st.binary(max_size=80))
def test_any_bytes_are_an_object_or_a_400(raw: bytes) -> None:
    try:
        assert protobuf.read(_body("v1", "Pod", raw))["kind"] == "Pod"
    except StatusError as error:
        assert error.code == 400  # noqa: PT017
