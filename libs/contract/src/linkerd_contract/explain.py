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


_DETAILS = frozenset(("code", "phase", "peer", "id"))


class ProxyErrorLine(Document, frozen=True):
    """What an l5d-proxy-error header says: a sentence, and what leads to the decision behind it.

    `code` is the value of the error label of the metrics, `phase` the stage that failed, `peer` the endpoint (outbound)
    or the client (inbound), `id` the trace's.
    """

    message: str
    code: str = ""
    phase: str = ""
    peer: str = ""
    id: str = ""

    def text(self) -> str:
        """`MESSAGE [code: CODE; phase: PHASE; peer: PEER; id: ID]`: printable ASCII on one line."""
        pairs = (("code", self.code), ("phase", self.phase), ("peer", self.peer), ("id", self.id))
        details = "; ".join([f"{name}: {_printable(value)}" for name, value in pairs if value])
        return f"{_printable(self.message)} [{details}]" if details else _printable(self.message)

    @classmethod
    def parse(cls, text: str) -> "ProxyErrorLine":
        """Read such a line; one without details, as Linkerd's own proxies write, is all message."""
        begin = max(text.rfind(f" [{name}: ") for name in _DETAILS)
        if begin < 0 or not text.endswith("]"):
            return cls(text)
        found = dict([part.partition(": ")[::2] for part in text[begin + 2 : -1].split("; ")])
        return cls(text[:begin], **found) if found.keys() <= _DETAILS else cls(text)


def _printable(text: str) -> str:
    return "".join([c if " " <= c <= "~" else "?" if c > "~" else " " for c in text]).strip()


class DecisionStep(Document, frozen=True):
    """One decision in the order in which it is made: what was asked, what was answered, from which object."""

    stage: str
    verdict: str
    reason: str = ""
    resource: ResourceRef | None = None


class DecisionTrace(Document, frozen=True):
    """A failed, denied or retried request, or one that a filter answered, by the id in its l5d-proxy-error header. No
    bodies, no header values.

    `code` is the header's, or "retried" where a response came in the end; `path` is without its query. `attempts`
    counts tries at endpoints; what each of them but the last came to is a step.
    """

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
