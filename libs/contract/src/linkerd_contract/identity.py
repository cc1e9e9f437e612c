"""Identity: `POST /v1/certify` on HTTPS :8080.

The server name that the client verifies is the identity of the CA itself (LINKERD2_PROXY_IDENTITY_SVC_NAME).
Refusals are problem+json with a code from CertifyCode.
"""

from enum import StrEnum

from linkerd_contract.codec import Document

CERTIFY_PATH = "/v1/certify"
TOKEN_AUDIENCE = "identity.l5d.io"  # noqa: S105 - an audience, not a secret


class CertifyRequest(Document, frozen=True):
    """What a workload sends: the name it wants, a PEM CSR with exactly that DNS name, its ServiceAccount token."""

    identity: str
    csr: str
    token: str


class CertifyResponse(Document, frozen=True):
    """PEM chain, leaf first and without the anchor; its end (RFC 3339 UTC); the current PEM trust bundle."""

    chain: str
    valid_until: str
    trust_bundle: str


class CertifyCode(StrEnum):
    """Stable codes of refusals (Linkerd's gRPC status in brackets)."""

    MALFORMED_REQUEST = "malformed_request"  # InvalidArgument
    TOO_LARGE = "too_large"
    INVALID_CSR = "invalid_csr"  # FailedPrecondition
    INVALID_TOKEN = "invalid_token"  # noqa: S105  # InvalidArgument
    IDENTITY_MISMATCH = "identity_mismatch"  # FailedPrecondition
    ISSUER_NOT_READY = "issuer_not_ready"  # Unavailable
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    TOKEN_REVIEW_FAILED = "token_review_failed"  # noqa: S105
    INTERNAL = "internal"
