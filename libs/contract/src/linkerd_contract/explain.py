"""Explanations: why a request went, or would go, where it went."""

import hashlib

from linkerd_contract.codec import Document
from linkerd_contract.resource import ResourceRef

DECISIONS_PATH = "/decisions"
"""On a proxy's admin port, for loopback only: `GET /decisions` the traces that it keeps, newest first, and
`GET /decisions/ID` one of them."""

IDENTITY_PATH = "/identity.pem"
"""On a proxy's admin port: `GET`, the certificate chain that it serves, leaf first, PEM. No key."""


def pod_tag(namespace: str, pod: str) -> str:
    """What every trace id of a pod's proxy begins with, so that a reader asks one pod and not all: 8 hex digits."""
    return hashlib.sha256(f"{namespace}/{pod}".encode()).hexdigest()[:8]


def trace_id(tag: str, sequence: int) -> str:
    """The id of a proxy's `sequence`-th trace: `TAG-N`, N in hex, at least 4 digits."""
    return f"{tag}-{sequence:04x}"


def tag_of(trace: str) -> str | None:
    """The pod tag of a trace id, None where it is not one."""
    tag, dash, sequence = trace.partition("-")
    digits = frozenset("0123456789abcdef")
    good = dash and len(tag) == 8 and 4 <= len(sequence) <= 16 and digits.issuperset(tag + sequence)
    return tag if good else None


class DecisionStep(Document, frozen=True):
    """One decision in the order in which it is made: what was asked, what was answered, from which object."""

    stage: str
    verdict: str
    reason: str = ""
    resource: ResourceRef | None = None


class DecisionTrace(Document, frozen=True):
    """A failed, denied or retried request, by the id in its l5d-proxy-error header. No bodies, no header values."""

    id: str
    time: str
    direction: str
    code: str
    peer: str = ""
    method: str = ""
    authority: str = ""
    path: str = ""
    attempts: int = 1
    steps: list[DecisionStep] = []


class Explanation(Document, frozen=True):
    """The answer of `GET /v1/explain`. `allowed`: whether the request reaches the application."""

    allowed: bool
    steps: list[DecisionStep] = []
    nearest_miss: str = ""
