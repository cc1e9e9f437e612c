"""Explanations: why a request went, or would go, where it went."""

from linkerd_contract.codec import Document
from linkerd_contract.resource import ResourceRef


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
    """The answer of `GET /v1/explain`."""

    allowed: bool
    steps: list[DecisionStep] = []
    nearest_miss: str = ""
