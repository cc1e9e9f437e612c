"""How documents become bytes and back."""

from enum import Enum
from typing import TypeVar

import msgspec

T = TypeVar("T")


class Document(msgspec.Struct, rename="camel", omit_defaults=True, frozen=True):
    """Base of every document: camelCase, defaults left out, unknown fields ignored, never changed once made."""


class OpenEnum(Enum):
    """An enum that reads what it does not know as its `unknown` member instead of failing."""

    @classmethod
    def _missing_(cls, value: object) -> "OpenEnum":
        return cls["unknown"]


_encoder = msgspec.json.Encoder()


def encode(document: object) -> bytes:
    """JSON of a document, UTF-8, fields in declared order: equal documents give equal bytes."""
    return _encoder.encode(document)


def decode(data: bytes | str, kind: type[T]) -> T:
    """Read one document. Raises ValueError (msgspec.ValidationError: shape; DecodeError: not JSON)."""
    return msgspec.json.decode(data, type=kind)
