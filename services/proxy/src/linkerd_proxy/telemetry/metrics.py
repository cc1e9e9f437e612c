"""Every metric of the proxy, under Linkerd's name, help and buckets, and the bundles that the data path holds.

A bundle is the series of one target (one endpoint of outbound traffic, one port of inbound traffic): it is made once,
when the target is first met, from a label set (labels.render), and its methods cost a dict look-up at most.
"""

from bisect import bisect_left
from collections.abc import Callable

from linkerd_contract.version import VERSION
from linkerd_proxy.telemetry.book import LATENCY_MS, Book, View
from linkerd_proxy.telemetry.labels import render
from linkerd_proxy.telemetry.registry import Counter, Family, Gauge, Histogram, HistogramFamily, Registry
from linkerd_proxy.telemetry.routes import ConnectionRouteFamilies, RetryFamilies
from linkerd_proxy.telemetry.transfer import TransferCost
from linkerd_proxy.telemetry.views import COARSE_SECONDS, SHORT_SECONDS, LegacyView, ProtocolView, RequestsView

LEGACY, ALLOWED, DENIED, INBOUND, ROUTE, BACKEND = "legacy", "allowed", "denied", "inbound", "route", "backend"
"""Places where a request is counted: request_total and its like; authorizations; the newer families."""
QUEUE_LATENCY_SECONDS = (0.0005, 0.005, 0.05, 0.5, 1, 3)
DETECT_SECONDS = (0.001, 0.1)


class HttpSeries:
    """Requests and responses of one target."""

    __slots__ = ("_ends", "_labels", "_latency", "_responses", "requests")

    def __init__(self, families: "HttpFamilies", labels: str) -> None:
        self.requests: Counter = families.request_total.labels(base=labels)
        self._responses = families.response_total
        self._latency = families.response_latency_ms
        self._labels = labels
        self._ends: dict[tuple[int, bool, int | None, str], tuple[Counter, Histogram]] = {}

    def end(
        self, status: int, success: bool, latency_ms: float, grpc_status: int | None = None, error: str = ""
    ) -> None:
        """A response ended. `status` 0: there was no head; `error`: what ended it early ("timeout", "h2(REASON)")."""
        key = (status, success, grpc_status, error)
        found = self._ends.get(key)
        if found is None:
            found = self._make(*key)
        counter, histogram = found
        counter.value += 1
        # Histogram.observe, written out: this runs once a request.
        histogram.counts[bisect_left(LATENCY_MS, latency_ms)] += 1
        histogram.sum += latency_ms

    def _make(self, status: int, success: bool, grpc_status: int | None, error: str) -> tuple[Counter, Histogram]:
        # Peers choose the status: what RFC 9110 and gRPC do not know shares one series, so that memory stays bounded.
        known = 100 <= status <= 599
        code = str(status) if known else "unknown" if status else ""
        grpc = "" if grpc_status is None else str(grpc_status) if 0 <= grpc_status <= 16 else "unknown"
        series = (
            self._responses.labels(code, "success" if success else "failure", grpc, error, base=self._labels),
            self._latency.labels(code, base=self._labels),
        )
        if "unknown" not in (code, grpc):
            self._ends[status, success, grpc_status, error] = series
        return series


class HttpFamilies:
    """PREFIX_{request_total,response_total,response_latency_ms}; those without a prefix are the book's."""

    def __init__(self, registry: Registry, prefix: str) -> None:
        self.request_total = registry.counter(f"{prefix}request_total", "Total count of HTTP requests.")
        self.response_total = registry.counter(
            f"{prefix}response_total",
            "Total count of HTTP responses.",
            ("status_code", "classification", "grpc_status", "error"),
        )
        self.response_latency_ms = registry.histogram(
            f"{prefix}response_latency_ms",
            "Elapsed times between a request's headers being received and its response stream completing",
            LATENCY_MS,
            ("status_code",),
        )

    def series(self, labels: str) -> HttpSeries:
        """The bundle of one target."""
        return HttpSeries(self, labels)


class TcpSeries:
    """Connections of one target and side (label peer: src = accepted, dst = made by us)."""

    __slots__ = ("_closes", "_families", "_labels", "open", "opened", "read", "written")

    def __init__(self, families: "TcpFamilies", labels: str) -> None:
        self.opened: Counter = families.open_total.labels(base=labels)
        self.open: Gauge = families.open_connections.labels(base=labels)
        self.read: Counter = families.read_bytes_total.labels(base=labels)
        self.written: Counter = families.write_bytes_total.labels(base=labels)
        self._families = families
        self._labels = labels
        self._closes: dict[str, Counter] = {}

    def connected(self) -> None:
        """A connection was opened."""
        self.opened.value += 1
        self.open.value += 1

    def closed(self, errno: str = "") -> None:
        """A connection was closed; `errno` is a name such as ECONNRESET, empty where there was no error."""
        self.open.value -= 1
        counter = self._closes.get(errno)
        if counter is None:
            counter = self._closes[errno] = self._families.close_total.labels(errno, base=self._labels)
        counter.value += 1


class TcpFamilies:
    """tcp_*."""

    def __init__(self, registry: Registry) -> None:
        self.open_total = registry.counter("tcp_open_total", "Total count of opened connections")
        self.open_connections = registry.gauge("tcp_open_connections", "Number of currently-open connections")
        self.read_bytes_total = registry.counter("tcp_read_bytes_total", "Total count of bytes read from peers")
        self.write_bytes_total = registry.counter("tcp_write_bytes_total", "Total count of bytes written to peers")
        self.close_total = registry.counter("tcp_close_total", "Total count of closed connections", ("errno",))

    def series(self, labels: str) -> TcpSeries:
        """The bundle of one target and side; `labels` hold direction and peer."""
        return TcpSeries(self, labels)


class AuthzFamilies:
    """Decisions of inbound policy, and errors of the inbound side."""

    def __init__(self, registry: Registry) -> None:
        def counter(name: str, help: str, labels: tuple[str, ...] = ()) -> Family[Counter]:
            return registry.counter(f"inbound_{name}_total", help, labels)

        self.http_route_not_found = counter(
            "http_route_not_found", "The total number of inbound HTTP requests that matched no route"
        )
        self.http_local_ratelimit = counter(
            "http_local_ratelimit",
            "The total number of inbound HTTP requests that a rate limit refused",
            ("ratelimit_group", "ratelimit_kind", "ratelimit_name", "ratelimit_scope"),
        )
        self.tcp_allow = counter("tcp_authz_allow", "The total number of inbound TCP connections that were authorized")
        self.tcp_deny = counter("tcp_authz_deny", "The total number of inbound TCP connections that were denied")
        self.tcp_terminate = counter(
            "tcp_authz_terminate", "The total number of inbound TCP connections terminated by a change of policy"
        )


class ErrorFamilies:
    """{in,out}bound_{http,tcp}_errors_total{error}; values of `error` as Linkerd names them ("failfast", "i/o")."""

    def __init__(self, registry: Registry, direction: str) -> None:
        self.http = registry.counter(
            f"{direction}_http_errors_total", f"{direction.capitalize()} HTTP error classifications.", ("error",)
        )
        self.tcp = registry.counter(
            f"{direction}_tcp_errors_total",
            f"{direction.capitalize()} TCP connection error classifications.",
            ("error",),
        )


class DetectFamilies:
    """{in,out}bound_tcp_detect_http_*; `result` is not_http, http/1, http/2, read_timeout or error."""

    def __init__(self, registry: Registry, direction: str) -> None:
        stem = f"{direction}_tcp_detect_http"
        self.results = registry.counter(f"{stem}_results_total", "Outcomes of HTTP detection.", ("result",))
        self.duration = registry.histogram(f"{stem}_duration_seconds", "Time taken by HTTP detection.", DETECT_SECONDS)


class BalancerSeries:
    """One balancer. The gate is open while at least one endpoint can take a request."""

    __slots__ = (
        "add",
        "gate_open",
        "gate_open_time",
        "gate_shut",
        "gate_shut_time",
        "gate_timeout",
        "p2c_endpoints",
        "pending",
        "queue_latency",
        "queue_length",
        "queue_requests",
        "ready",
        "remove",
        "reset",
    )

    def __init__(self, families: "BalancerFamilies", labels: str) -> None:
        self.ready: Gauge = families.endpoints.labels("ready", base=labels)
        self.pending: Gauge = families.endpoints.labels("pending", base=labels)
        self.p2c_endpoints: Gauge = families.p2c_endpoints.labels(base=labels)
        self.add: Counter = families.p2c_updates.labels("Add", base=labels)
        self.remove: Counter = families.p2c_updates.labels("Remove", base=labels)
        self.reset: Counter = families.p2c_updates.labels("Reset", base=labels)
        self.queue_length: Gauge = families.queue_length.labels(base=labels)
        self.queue_requests: Counter = families.queue_requests.labels(base=labels)
        self.queue_latency: Histogram = families.queue_latency.labels(base=labels)
        self.gate_open: Counter = families.gate_open.labels(base=labels)
        self.gate_shut: Counter = families.gate_shut.labels(base=labels)
        self.gate_open_time: Gauge = families.gate_open_time.labels(base=labels)
        self.gate_shut_time: Gauge = families.gate_shut_time.labels(base=labels)
        self.gate_timeout: Gauge = families.gate_timeout.labels(base=labels)

    def updated(self, *, added: int, removed: int, first: bool) -> None:
        """Discovery changed so many endpoints; `first`: they are all that is known."""
        if first:
            self.reset.value += 1
        else:
            self.add.value += added
            self.remove.value += removed

    def endpoints(self, *, ready: int, total: int) -> None:
        """How many there are now."""
        self.ready.value = ready
        self.pending.value = total - ready
        self.p2c_endpoints.value = total

    def queued(self, length: int) -> None:
        """One more waits, which makes so many."""
        self.queue_requests.value += 1
        self.queue_length.value = length

    def shut(self, now: float) -> None:
        """What comes waits from now on (unix seconds)."""
        self.gate_shut.value += 1
        self.gate_shut_time.value = now

    def opened(self, now: float) -> None:
        """Nothing waits any more (unix seconds)."""
        self.gate_open.value += 1
        self.gate_open_time.value = now


class BalancerFamilies:
    """outbound_{http,tcp,tls}_balancer_*."""

    def __init__(self, registry: Registry, protocol: str) -> None:
        stem = f"outbound_{protocol}_balancer"
        self.endpoints = registry.gauge(
            f"{stem}_endpoints", "The number of endpoints currently in the balancer.", ("endpoint_state",)
        )
        self.p2c_endpoints = registry.gauge(f"{stem}_p2c_endpoints", "Endpoints that the balancer chooses from.")
        self.p2c_updates = registry.counter(
            f"{stem}_p2c_updates_total", "Updates of the balancer's endpoints by discovery.", ("op",)
        )
        self.queue_length = registry.gauge(f"{stem}_queue_length", "The number of requests in the queue.")
        self.queue_requests = registry.counter(f"{stem}_queue_requests_total", "Requests that the queue admitted.")
        self.queue_latency: HistogramFamily = registry.histogram(
            f"{stem}_queue_latency_seconds", "Time that requests waited in the queue.", QUEUE_LATENCY_SECONDS
        )
        self.gate_open = registry.counter(f"{stem}_queue_gate_open_total", "How often the queue's gate opened.")
        self.gate_shut = registry.counter(f"{stem}_queue_gate_shut_total", "How often the queue's gate was shut.")
        gate = f"{stem}_queue_gate"
        self.gate_open_time = registry.gauge(f"{gate}_open_time_seconds", "When the gate last opened (unix seconds).")
        self.gate_shut_time = registry.gauge(f"{gate}_shut_time_seconds", "When the gate was last shut (unix seconds).")
        self.gate_timeout = registry.gauge(f"{gate}_timeout_seconds", "How long requests wait at a shut gate.")

    def series(self, labels: str) -> BalancerSeries:
        """The bundle of one balancer; `labels` hold parent_* and backend_*."""
        return BalancerSeries(self, labels)


class IdentityFamilies:
    """The proxy's own certificate."""

    def __init__(self, registry: Registry) -> None:
        stem = "control_identity_cert"
        self.expiration: Gauge = registry.gauge(
            f"{stem}_expiration_timestamp_seconds", "When the current certificate expires (unix seconds)."
        ).labels()
        self.refreshed: Gauge = registry.gauge(
            f"{stem}_refresh_timestamp_seconds", "When the certificate was last refreshed (unix seconds)."
        ).labels()
        self.refreshes = registry.counter(
            f"{stem}_refreshes_total", "The total number of times the certificate was refreshed.", ("result",)
        )


class RouteSeries:
    """One route of a ServiceProfile: `effective` is what the application saw, `actual` counts every attempt."""

    __slots__ = ("_actual_responses", "_labels", "_retryable", "actual_requests", "effective")

    def __init__(self, metrics: "Metrics", labels: str) -> None:
        self.effective: HttpSeries = metrics.route.series(labels)
        self.actual_requests: Counter = metrics.route_actual_request_total.labels(base=labels)
        self._actual_responses = metrics.route_actual_response_total
        self._retryable = metrics.route_retryable_total
        self._labels = labels

    def actual_end(self, status: int, success: bool, grpc_status: int | None, error: str = "") -> None:
        """An attempt ended."""
        code = str(status) if 100 <= status <= 599 else "unknown" if status else ""
        grpc = "" if grpc_status is None else str(grpc_status) if 0 <= grpc_status <= 16 else "unknown"
        verdict = "success" if success else "failure"
        self._actual_responses.labels(code, verdict, grpc, error, base=self._labels).value += 1

    def retryable(self, skipped: str = "") -> None:
        """A response called for a retry; `skipped` says why there was none."""
        self._retryable.labels(skipped, base=self._labels).value += 1


class Metrics:
    """All families of one proxy."""

    def __init__(self, registry: Registry | None = None) -> None:
        self.registry = r = registry if registry is not None else Registry()
        self.requests = r.add(Book(_views(), r.overflow))
        self.route = HttpFamilies(r, "route_")
        self.route_actual_request_total = r.counter("route_actual_request_total", "Total count of HTTP requests.")
        self.route_actual_response_total = r.counter(
            "route_actual_response_total",
            "Total count of HTTP responses.",
            ("status_code", "classification", "grpc_status", "error"),
        )
        self.route_retryable_total = r.counter(
            "route_retryable_total", "Total count of retryable HTTP responses.", ("skipped",)
        )
        self.control = HttpFamilies(r, "control_")
        self.tcp = TcpFamilies(r)
        self.transfer_cost = r.add(TransferCost(self.tcp.read_bytes_total, self.tcp.write_bytes_total))
        self.authz = AuthzFamilies(r)
        self.inbound_errors = ErrorFamilies(r, "inbound")
        self.outbound_errors = ErrorFamilies(r, "outbound")
        self.inbound_detect = DetectFamilies(r, "inbound")
        self.outbound_detect = DetectFamilies(r, "outbound")
        self.outbound_protocols = r.counter(
            "outbound_tcp_protocol_connections_total",
            "Outbound TCP connections by protocol configuration.",
            ("protocol",),
        )
        self.http_balancer = BalancerFamilies(r, "http")
        self.tcp_balancer = BalancerFamilies(r, "tcp")
        self.tls_balancer = BalancerFamilies(r, "tls")
        self.http_retries = RetryFamilies(r, "http")
        self.grpc_retries = RetryFamilies(r, "grpc")
        self.tcp_route = ConnectionRouteFamilies(r, "tcp")
        self.tls_route = ConnectionRouteFamilies(r, "tls")
        self.identity = IdentityFamilies(r)
        self.dns_resolutions = r.counter(
            "control_dns_resolutions_total",
            "The total number of DNS resolutions of the control plane's names.",
            ("client", "record_type", "result"),
        )
        self.spans = r.counter("proxy_trace_spans_total", "Spans of traces by what became of them.", ("result",))
        self.access_log_dropped = r.counter(
            "proxy_access_log_dropped_total", "Lines of the access log that could not be written."
        )
        info = render([("profile", "release"), ("vendor", "linkerd-py"), ("version", VERSION)])
        r.gauge("proxy_build_info", "Proxy build info").labels(base=info).value = 1

    def control_calls(self, addr: str, server_id: str) -> Callable[[int, float], None]:
        """Counts calls of a control plane server: takes status (0: there was no answer) and seconds."""
        series = self.control.series(render([("addr", addr), ("server_id", server_id)]))

        def count(status: int, seconds: float) -> None:
            series.requests.value += 1
            series.end(status, 0 < status < 500, seconds * 1000, error="" if status else "unclassified")

        return count


def _views() -> dict[str, View]:
    """The families of requests, by the names of the places where cells count (see Book)."""
    allowed, denied = "inbound_http_authz_allow_total", "inbound_http_authz_deny_total"
    return {
        LEGACY: LegacyView(),
        ALLOWED: RequestsView(allowed, "The total number of inbound HTTP requests that were authorized"),
        DENIED: RequestsView(denied, "The total number of inbound HTTP requests that were denied"),
        INBOUND: ProtocolView(
            "inbound",
            requests="requests_total",
            request_duration=("request_duration_seconds", SHORT_SECONDS),
            response_duration=("response_duration_seconds", COARSE_SECONDS),
            statuses="statuses_total",
            request_frames="request_frame_size_bytes",
            response_frames="response_frame_size_bytes",
        ),
        ROUTE: ProtocolView(
            "outbound",
            request_duration=("route_request_duration_seconds", COARSE_SECONDS),
            statuses="route_request_statuses_total",
            request_frames="route_request_frame_size_bytes",
        ),
        BACKEND: ProtocolView(
            "outbound",
            requests="route_backend_requests_total",
            response_duration=("route_backend_response_duration_seconds", SHORT_SECONDS),
            statuses="route_backend_response_statuses_total",
            response_frames="route_backend_response_frame_size_bytes",
        ),
    }
