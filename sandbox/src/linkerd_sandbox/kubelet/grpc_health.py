"""A gRPC probe: one call of grpc.health.v1.Health/Check, in plain text, as kubelet makes it.

Source: pkg/probe/grpc/grpc.go; the protocol is gRPC over HTTP/2 with prior knowledge. h2 is imported at the first such
probe only. Certificates, compression and streaming are not needed for it.
"""

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from h2.connection import H2Connection

SERVING: Final = 1
_STATUSES: Final = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
_LONGEST_ANSWER: Final = 4096
_PREFIX: Final = 5
"""Of a gRPC message: compressed or not (1 byte), length (4 bytes)."""


class NotGrpc(Exception):
    """The other side does not speak it; the message says what it did instead."""


@dataclass(slots=True)
class _Answer:
    body: bytearray = field(default_factory=bytearray)
    status: str = ""
    message: str = ""
    ended: bool = False


def request_message(service: str) -> bytes:
    """HealthCheckRequest, field 1 the service's name, with the gRPC prefix. PURE."""
    name = service.encode()
    body = b"" if not name else b"\x0a" + _varint(len(name)) + name
    return b"\0" + len(body).to_bytes(4) + body


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def serving_status(message: bytes) -> int:
    """Field 1 of HealthCheckResponse, 0 where it is absent, as protobuf has it. Raises NotGrpc. PURE."""
    if len(message) < _PREFIX or len(message) < _PREFIX + int.from_bytes(message[1:5]):
        raise NotGrpc("the answer holds no whole message")
    if message[0]:
        raise NotGrpc("the answer is compressed, which was not offered")
    body = message[_PREFIX : _PREFIX + int.from_bytes(message[1:5])]
    return body[1] if len(body) >= 2 and body[0] == 0x08 else 0


async def check(host: str, port: int, service: str) -> str:
    """ "" where the service is SERVING, else why not, in kubelet's words. Raises OSError, NotGrpc."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        answer = await _call(reader, writer, f"{host}:{port}", service)
    finally:
        writer.close()
    if answer.status not in ("", "0"):
        if answer.status == "12":
            return "this server does not implement the grpc health protocol (grpc.health.v1.Health)"
        return f"service unhealthy (grpc status {answer.status}: {answer.message})"
    found = serving_status(bytes(answer.body))
    if found == SERVING:
        return ""
    return f'service unhealthy (responded with "{_STATUSES.get(found, found)}")'


async def _call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, authority: str, service: str) -> _Answer:
    from h2.config import H2Configuration
    from h2.connection import H2Connection
    from h2.exceptions import ProtocolError

    connection = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
    connection.initiate_connection()
    headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/grpc.health.v1.Health/Check"),
        (":authority", authority),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("user-agent", "kube-probe/1.32"),
    ]
    connection.send_headers(1, headers)
    connection.send_data(1, request_message(service), end_stream=True)
    answer = _Answer()
    while not answer.ended:
        writer.write(connection.data_to_send())
        data = await reader.read(65536)
        if not data:
            raise NotGrpc("the connection was closed before the answer")
        if data.startswith(b"HTTP/1"):
            raise NotGrpc("the answer is HTTP/1, not HTTP/2")
        try:
            _take(connection, data, answer)
        except ProtocolError as error:
            raise NotGrpc(f"the answer is not HTTP/2: {error}") from None
    return answer


def _take(connection: "H2Connection", data: bytes, answer: _Answer) -> None:
    """Feeds what came to the codec. Raises h2's ProtocolError, NotGrpc."""
    from h2 import events

    for event in connection.receive_data(data):
        match event:
            case events.ResponseReceived(headers=headers) | events.TrailersReceived(headers=headers):
                found = {str(name): str(value) for name, value in headers or ()}
                if found.get(":status", "200") != "200":
                    raise NotGrpc(f"HTTP status {found[':status']}")
                answer.status = found.get("grpc-status", answer.status)
                answer.message = found.get("grpc-message", answer.message)
            case events.DataReceived(data=body):
                answer.body += body or b""
                if len(answer.body) > _LONGEST_ANSWER:
                    raise NotGrpc(f"the answer is longer than {_LONGEST_ANSWER} bytes")
            case events.StreamEnded():
                answer.ended = True
            case events.StreamReset() | events.ConnectionTerminated():
                raise NotGrpc("the call was reset")
            case _:
                pass
