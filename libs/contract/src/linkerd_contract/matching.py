"""Conditions on requests and responses, and filters: shared by outbound and inbound documents.

A condition's fields are ANDed; `all`, `any` and `not` nest (ServiceProfile). An empty condition matches everything.
"""

from msgspec import field

from linkerd_contract.codec import Document, OpenEnum


class MatchKind(OpenEnum):
    """How a string is compared. `regex` is anchored at both ends and in RE2's syntax."""

    exact = "exact"
    prefix = "prefix"
    regex = "regex"
    unknown = "unknown"


class StringMatch(Document, frozen=True):
    """A path, header or query value. For paths `prefix` means whole segments (Gateway API PathPrefix)."""

    value: str
    kind: MatchKind = MatchKind.exact


class NamedMatch(Document, frozen=True):
    """A header (name compared without case) or a query parameter."""

    name: str
    match: StringMatch


class Condition(Document, frozen=True):
    """A condition on a request. An `unknown` kind anywhere inside never matches."""

    all: list["Condition"] = []
    any: list["Condition"] = []
    not_: "Condition | None" = field(default=None, name="not")
    method: str | None = None
    path: StringMatch | None = None
    headers: list[NamedMatch] = []
    query: list[NamedMatch] = []


class StatusRange(Document, frozen=True):
    """HTTP status codes, both ends included."""

    min: int = 100
    max: int = 599


class ResponseCondition(Document, frozen=True):
    """A condition on a response."""

    all: list["ResponseCondition"] = []
    any: list["ResponseCondition"] = []
    not_: "ResponseCondition | None" = field(default=None, name="not")
    status: StatusRange | None = None


class ResponseClass(Document, frozen=True):
    """The first class whose condition matches says whether a response is a failure."""

    condition: ResponseCondition
    is_failure: bool = False


class FilterType(OpenEnum):
    """Kinds of filters. A route with a filter of an unknown kind answers 500: guessing would be worse."""

    request_headers = "requestHeaders"
    response_headers = "responseHeaders"
    redirect = "redirect"
    fail = "fail"
    abort = "abort"
    delay = "delay"
    unknown = "unknown"


class HeaderValue(Document, frozen=True):
    """One header field."""

    name: str
    value: str


class HeaderModifier(Document, frozen=True):
    """Set replaces, add appends, remove deletes; in that order (Gateway API)."""

    set: list[HeaderValue] = []
    add: list[HeaderValue] = []
    remove: list[str] = []


class Redirect(Document, frozen=True):
    """Gateway API RequestRedirect. None keeps the request's own part."""

    scheme: str | None = None
    host: str | None = None
    port: int | None = None
    path: str | None = None
    prefix: str | None = None
    status: int = 302


class Fault(Document, frozen=True):
    """Fault injection on a share of the requests (percent, 0-100): a status (HTTP or gRPC) or a fixed delay."""

    percent: float = 100.0
    http_status: int | None = None
    grpc_status: int | None = None
    message: str = ""
    delay_ms: int = 0


class Filter(Document, frozen=True):
    """One filter; `type` says which of the other fields counts."""

    type: FilterType
    headers: HeaderModifier | None = None
    redirect: Redirect | None = None
    fault: Fault | None = None
