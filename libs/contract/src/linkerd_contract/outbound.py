"""The outbound document: all that a proxy needs to know of one destination."""

from linkerd_contract.codec import Document, OpenEnum
from linkerd_contract.matching import Condition, Filter, ResponseClass, StatusRange, StringMatch
from linkerd_contract.resource import ResourceRef


class Protocol(OpenEnum):
    """What is spoken. `unknown` is treated as detect."""

    detect = "detect"
    opaque = "opaque"
    http1 = "http1"
    http2 = "http2"
    grpc = "grpc"
    tls = "tls"
    unknown = "unknown"


class ProtocolHint(OpenEnum):
    """What the peer takes: h2 = HTTP/1 carried over HTTP/2 (l5d-orig-proto); opaque = bytes; none = as it comes."""

    none = "none"
    h2 = "h2"
    opaque = "opaque"
    unknown = "unknown"


class Endpoint(Document, frozen=True):
    """One pod behind a backend. Without `identity` the dial is plaintext. `labels` become dst_* metric labels."""

    addr: str
    weight: int = 10000
    identity: str | None = None
    protocol_hint: ProtocolHint = ProtocolHint.none
    zone: str = ""
    zone_locality: str = "unknown"
    labels: dict[str, str] = {}


class BackendStatus(OpenEnum):
    """`missing` answers 500 (a route names a Service that is not there), `empty` is a Service without endpoints."""

    ok = "ok"
    missing = "missing"
    unknown = "unknown"


class Backend(Document, frozen=True):
    """A balanced set of endpoints. `labels` hold for all of them (dst_service, dst_namespace)."""

    resource: ResourceRef = ResourceRef()
    status: BackendStatus = BackendStatus.ok
    labels: dict[str, str] = {}
    endpoints: list[Endpoint] = []


class WeightedBackend(Document, frozen=True):
    """A share of a route's traffic. `ref` is a key of `OutboundDocument.backends`."""

    ref: str
    weight: int = 1
    filters: list[Filter] = []


class RetryBudget(Document, frozen=True):
    """Linkerd's token bucket: retries are at most `ratio` of requests, plus `min_per_second`, over `ttl_ms`."""

    ratio: float = 0.2
    min_per_second: int = 10
    ttl_ms: int = 10000


class Backoff(Document, frozen=True):
    """Exponential, with up to `jitter` of the wait added at random."""

    min_ms: int = 25
    max_ms: int = 250
    jitter: float = 1.0


class Retry(Document, frozen=True):
    """When to send a request again; `budget`, where set, bounds it (a ServiceProfile's or the route's own).

    A budget equal to the document's `retry_budget` is that one, shared by all routes that have it. Without `budget`
    only `limit` bounds the retries.
    """

    on_failure: bool = False
    """Retry what classification calls a failure (ServiceProfile isRetryable)."""
    statuses: list[StatusRange] = []
    grpc_codes: list[int] = []
    limit: int | None = None
    """How many times at most; None: only the budget bounds it."""
    per_try_timeout_ms: int | None = None
    backoff: Backoff | None = None
    budget: RetryBudget | None = None
    max_body_bytes: int = 65536


class Timeouts(Document, frozen=True):
    """request = whole stream; response = from the request's end to the response's; idle = no frame either way.

    profile is ServiceProfile's: from the request's start to the response's head, all attempts together.
    """

    request_ms: int | None = None
    response_ms: int | None = None
    idle_ms: int | None = None
    profile_ms: int | None = None


class Route(Document, frozen=True):
    """One route. It matches when `hosts` is empty or one fits, and any of `matches` does (none = all requests)."""

    name: str = ""
    resource: ResourceRef = ResourceRef()
    hosts: list[StringMatch] = []
    matches: list[Condition] = []
    filters: list[Filter] = []
    backends: list[WeightedBackend] = []
    retry: Retry | None = None
    timeouts: Timeouts = Timeouts()
    response_classes: list[ResponseClass] = []
    labels: dict[str, str] = {}
    """Become rt_* metric labels: {"route": …} is rt_route (ServiceProfile routes)."""
    allow_request_overrides: bool = False
    """Whether the app may set l5d-timeout, l5d-retry-* … on its requests."""


class RouteOrder(OpenEnum):
    """first = first match wins (ServiceProfile); specific = Gateway API precedence (and so is `unknown`)."""

    first = "first"
    specific = "specific"
    unknown = "unknown"


class FailureAccrual(Document, frozen=True):
    """The consecutive-failures breaker, per endpoint (balancer.linkerd.io/failure-accrual)."""

    max_failures: int = 7
    min_penalty_ms: int = 1000
    max_penalty_ms: int = 60000
    jitter_ratio: float = 0.5
    success_rate_threshold: float | None = None
    success_rate_window_ms: int = 10000
    success_rate_min_requests: int = 5


class Balancer(Document, frozen=True):
    """P2C over PeakEWMA, and the queue in front of it."""

    default_rtt_ms: float = 30.0
    decay_ms: float = 10000.0
    penalize_failures: bool = False
    queue_capacity: int = 100
    failfast_ms: int = 3000


class Http2Params(Document, frozen=True):
    """Keep-alive on connections to meshed endpoints."""

    keep_alive_interval_ms: int = 10000
    keep_alive_timeout_ms: int = 3000


class OutboundDocument(Document, frozen=True):
    """What to do with connections to one target."""

    authority: str
    """Logical name, "voting.emojivoto.svc.cluster.local:8080"; for a bare address the address itself."""
    protocol: Protocol = Protocol.detect
    detect_timeout_ms: int = 10000
    parent: ResourceRef = ResourceRef()
    """parent_* metric labels."""
    profile: str | None = None
    """Name of the ServiceProfile in force: its routes have route_* metrics under dst=authority."""
    route_order: RouteOrder = RouteOrder.specific
    routes: list[Route] = []
    """Never empty for HTTP: the default route is last and written out."""
    retry_budget: RetryBudget = RetryBudget()
    failure_accrual: FailureAccrual | None = None
    balancer: Balancer = Balancer()
    http2: Http2Params = Http2Params()
    backends: dict[str, Backend] = {}
    forbidden: bool = False
    """True where policy denies the destination altogether (403)."""
