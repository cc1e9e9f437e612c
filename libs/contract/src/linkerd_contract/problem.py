"""Errors over HTTP: RFC 9457 problem details with a stable `code`."""

from linkerd_contract.codec import Document

CONTENT_TYPE = "application/problem+json"


class Problem(Document, frozen=True):
    """`application/problem+json`. `code` is stable and for programs; `detail` is one sentence for people."""

    title: str
    status: int
    code: str
    detail: str = ""
    instance: str = ""
