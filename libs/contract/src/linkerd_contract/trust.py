"""Where the mesh's trust stands: `GET /v1/trust` on identity's admin port, and how a rotation is asked for.

A rotation is asked for by an annotation on ConfigMap linkerd-identity-trust-roots, its value any text that was not
used before (the CLI writes the time). Nothing secret is in the document.
"""

from linkerd_contract.codec import Document, OpenEnum

TRUST_PATH = "/v1/trust"

ANNOTATION_ROTATE_ISSUER = "identity.linkerd.io/rotate-issuer"
ANNOTATION_ROTATE_ANCHOR = "identity.linkerd.io/rotate-anchor"
ANNOTATION_GIVEN = "identity.linkerd.io/given"
"""`true` on the same ConfigMap: the issuer's Secret is made by somebody else, maybe later; identity waits for it."""

ANCHOR_CURVES = ("secp256r1", "secp384r1")
ANCHOR_RSA_BITS = (2048, 4096)
"""From, to."""
ANCHOR_KEYS = "ECDSA P-256, ECDSA P-384, RSA of 2048 to 4096 bits"
"""What a trust anchor's key may be, as above, for people. Linkerd takes P-256, and RSA of 2048 or 4096 bits."""


class Mode(OpenEnum):
    """Who makes anchor and issuer."""

    self_running = "self-running"
    given = "given"
    unknown = "unknown"


class Phase(OpenEnum):
    """Of the anchor's rotation. `published`: both anchors are published, the old one signs. `switched`: the new one
    signs, both are published.
    """

    steady = "steady"
    published = "published"
    switched = "switched"
    unknown = "unknown"


class Certificate(Document, frozen=True):
    """A CA certificate: SHA-256 of its DER in hexadecimal; times RFC 3339 UTC; common name."""

    sha256: str
    not_before: str
    not_after: str
    common_name: str = ""


class TrustStatus(Document, frozen=True):
    """One replica's view. `until` is the time of the next step (RFC 3339, "" where none is foreseen)."""

    mode: Mode
    phase: Phase
    anchors: list[Certificate] = []
    """Published, oldest first."""
    issuer: Certificate | None = None
    issuer_anchor: str = ""
    """SHA-256 of the anchor that the issuer stands under."""
    until: str = ""
    refused: str = ""
    """Why there is no issuer, or why an update is not taken."""
    answered_issuer: str = ""
    """The last request for an issuer's rotation that was carried out."""
    answered_anchor: str = ""
    """The last request for an anchor's rotation that was begun."""
