"""ServiceAccount tokens: JWTs signed with ES256 (RFC 7515, RFC 7518), by a key that lives as long as the cluster."""

import base64
import hashlib
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from linkerd_sandbox.apiserver.claims import NO_TOKEN, BadClaims
from linkerd_sandbox.apiserver.objects import JsonObject, decode, encode

_COORDINATE = 32  # bytes of a P-256 coordinate
_CURVE = ec.SECP256R1


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Signer:
    """Signs and verifies tokens."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        numbers = key.public_key().public_numbers()
        self._x, self._y = (_b64(n.to_bytes(_COORDINATE, "big")) for n in (numbers.x, numbers.y))
        thumb = {"crv": "P-256", "kty": "EC", "x": self._x, "y": self._y}
        self._id = _b64(hashlib.sha256(encode(thumb)).digest())
        self._header = _b64(encode({"alg": "ES256", "kid": self._id}))

    @classmethod
    def create(cls, path: Path) -> "Signer":
        """A new key, written to `path`."""
        key = ec.generate_private_key(_CURVE())
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.touch(mode=0o600)
        path.write_bytes(pem)
        return cls(key)

    def sign(self, claims: JsonObject) -> str:
        """The token of some claims."""
        signed = f"{self._header}.{_b64(encode(claims))}"
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_b64(r.to_bytes(_COORDINATE, 'big') + s.to_bytes(_COORDINATE, 'big'))}"

    def verify(self, token: str) -> JsonObject:
        """The claims of a token that this key has signed. Raises `BadClaims`."""
        try:
            header, payload, signature = token.split(".")
            raw = _unb64(signature)
            if len(raw) != 2 * _COORDINATE or decode(_unb64(header)).get("alg") != "ES256":
                raise BadClaims(NO_TOKEN)
            numbers = (int.from_bytes(raw[:_COORDINATE], "big"), int.from_bytes(raw[_COORDINATE:], "big"))
            der = encode_dss_signature(*numbers)
            self._key.public_key().verify(der, f"{header}.{payload}".encode(), ec.ECDSA(hashes.SHA256()))
            claims = decode(_unb64(payload))
        except (ValueError, AttributeError, InvalidSignature, msgspec.DecodeError) as error:
            raise BadClaims(NO_TOKEN) from error
        if not isinstance(claims, dict):
            raise BadClaims(NO_TOKEN)
        return claims

    def jwks(self) -> JsonObject:
        """The public key as a JSON Web Key Set."""
        key = {"use": "sig", "kty": "EC", "kid": self._id, "crv": "P-256", "alg": "ES256", "x": self._x, "y": self._y}
        return {"keys": [key]}
