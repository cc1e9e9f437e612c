"""The proxy's settings: every LINKERD2_PROXY_* variable, its default, and its type.

`Settings.from_env` takes a mapping and raises BadSettings with everything that is wrong at once (exit 64). Names and
defaults are linkerd2-proxy's. Durations are milliseconds in fields that end in `_ms`; addresses are (host, port).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TypeVar

import msgspec

from linkerd_contract.durations import parse_ports
from linkerd_runtime.settings import Addr, BadSettings, Reader, parse_addr

PREFIX = "LINKERD2_PROXY_"
_I31 = 2**31 - 1

E = TypeVar("E", bound=Enum)
Ports = list[tuple[int, int]]


class DefaultPolicy(Enum):
    """What INBOUND_DEFAULT_POLICY may say."""

    deny = "deny"
    all_authenticated = "all-authenticated"
    all_unauthenticated = "all-unauthenticated"
    cluster_authenticated = "cluster-authenticated"
    cluster_unauthenticated = "cluster-unauthenticated"
    audit = "audit"


class LogFormat(Enum):
    """What LOG_FORMAT may say."""

    plain = "plain"
    json = "json"


class AccessLog(Enum):
    """What ACCESS_LOG may say."""

    off = ""
    apache = "apache"
    json = "json"


@dataclass(frozen=True, slots=True)
class Http2Server:
    """HTTP/2 towards clients of a listener ({IN,OUT}BOUND_SERVER_HTTP2_*). Keep-alive 0 = none."""

    initial_stream_window_size: int = 65_535
    initial_connection_window_size: int = 1_048_576
    max_concurrent_streams: int = 1000
    max_frame_size: int = 16_384
    max_header_list_size: int = 65_536
    max_pending_accept_reset_streams: int = 20
    max_send_buf_size: int = 409_600
    adaptive_flow_control: bool = False
    keep_alive_interval_ms: int = 0
    keep_alive_timeout_ms: int = 20_000


@dataclass(frozen=True, slots=True)
class Direction:
    """What inbound and outbound have in common. A keep-alive or user timeout of 0 leaves the kernel's."""

    listen_addrs: tuple[Addr, ...]
    detect_timeout_ms: int = 10_000
    connect_timeout_ms: int = 1000
    backoff_min_ms: int = 100
    backoff_max_ms: int = 60_000
    backoff_jitter: float = 0.1
    http_queue_capacity: int = 10_000
    http_failfast_ms: int = 3000
    tcp_queue_capacity: int = 10_000
    tcp_failfast_ms: int = 3000
    max_in_flight: int = 100_000
    http1_pool_idle_ms: int = 3000
    max_idle_conns_per_endpoint: int = 10_000
    discovery_idle_ms: int = 5000
    accept_keepalive_ms: int = 0
    connect_keepalive_ms: int = 0
    accept_user_timeout_ms: int = 0
    connect_user_timeout_ms: int = 0
    http2: Http2Server = Http2Server()


@dataclass(frozen=True, slots=True)
class Inbound:
    """The inbound listener and the workload's own policy. Empty `ips` = no allow-list."""

    base: Direction
    ips: frozenset[str] = frozenset()
    ports: Ports = field(default_factory=list)
    disable_detection_ports: Ports = field(default_factory=list)
    require_identity_ports: Ports = field(default_factory=list)
    default_policy: DefaultPolicy = DefaultPolicy.all_unauthenticated
    gateway_suffixes: tuple[str, ...] = ()
    metrics_authority_labels: bool = False


@dataclass(frozen=True, slots=True)
class Outbound:
    """The outbound listener."""

    base: Direction
    ingress_mode: bool = False
    disable_informational_headers: bool = False
    metrics_hostname_labels: bool = False

    @property
    def emit_errors(self) -> bool:
        """Whether the application is told of errors (l5d-proxy-error)."""
        return not (self.disable_informational_headers or self.ingress_mode)


@dataclass(frozen=True, slots=True)
class Identity:
    """Certification. `disabled`: neither TLS nor discovery by certificate (IDENTITY_DISABLED set)."""

    disabled: bool
    dir: str
    trust_anchors: str
    """PEM."""
    token_file: str
    local_name: str
    svc_addr: Addr
    svc_name: str
    min_refresh_ms: int = 10_000
    max_refresh_ms: int = 86_400_000


@dataclass(frozen=True, slots=True)
class Context:
    """Where this workload is (DESTINATION_CONTEXT, JSON {"ns", "pod", "nodeName", "zone"})."""

    namespace: str = ""
    pod: str = ""
    node: str = ""
    zone: str = ""

    @property
    def workload(self) -> str:
        """namespace/pod, as the watch contract names it; empty where there is no context."""
        return f"{self.namespace}/{self.pod}" if self.namespace and self.pod else ""


@dataclass(frozen=True, slots=True)
class Destination:
    """Discovery. Names end in one of `suffixes`, bare addresses lie in one of `networks`, to be looked up."""

    svc_addr: Addr
    svc_name: str
    context: Context = Context()
    suffixes: tuple[str, ...] = ("svc.cluster.local.",)
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    stream_initial_timeout_ms: int = 3000
    stream_idle_timeout_ms: int = 300_000
    stream_lifetime_ms: int = 3_600_000
    backoff_min_ms: int = 100
    backoff_max_ms: int = 10_000


@dataclass(frozen=True, slots=True)
class Admin:
    """The admin server."""

    listen_addr: Addr
    shutdown_endpoint: bool
    metrics_retain_idle_ms: int
    """How long a metric series that nothing uses stays."""


@dataclass(frozen=True, slots=True)
class Tap:
    """The tap server; there is none without the identity of its one client."""

    listen_addr: Addr
    svc_name: str | None


@dataclass(frozen=True, slots=True)
class Tracing:
    """Where spans go (OTLP over HTTP). With `collector_name`, an identity, in mTLS."""

    collector_addr: Addr
    collector_name: str | None
    service_name: str


@dataclass(frozen=True, slots=True)
class Cores:
    """Worker processes: max, else round(ratio x available), else 1, never fewer than min."""

    minimum: int = 1
    maximum: int | None = None
    ratio: float | None = None

    def count(self, available: int) -> int:
        """Workers on a machine with so many cores."""
        if self.maximum is not None:
            wanted = self.maximum
        elif self.ratio is not None:
            wanted = round(self.ratio * available)
        else:
            wanted = 1
        return max(1, min(max(wanted, self.minimum), available))


@dataclass(frozen=True, slots=True)
class Settings:
    """All of it."""

    inbound: Inbound
    outbound: Outbound
    identity: Identity
    destination: Destination
    admin: Admin
    tap: Tap
    cores: Cores
    log: str
    """Filter, such as "warn,linkerd=info"."""
    log_format: LogFormat
    access_log: AccessLog
    shutdown_grace_ms: int
    tracing: Tracing | None = None
    """None: there is no collector, and traces are not looked at."""
    socket_mark: int = 0
    """SO_MARK of every connection that the proxy makes; 0 is none."""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Read all variables. Raises BadSettings."""
        # The reader sees names without the prefix, which its messages get back.
        read = Reader({name.removeprefix(PREFIX): value for name, value in env.items() if name.startswith(PREFIX)})
        settings = cls(
            inbound=_inbound(read),
            outbound=_outbound(read),
            identity=_identity(read),
            destination=_destination(read),
            admin=Admin(
                read.addr("ADMIN_LISTEN_ADDR", "127.0.0.1:4191"),
                read.boolean("SHUTDOWN_ENDPOINT_ENABLED", False),
                read.duration_ms("METRICS_RETAIN_IDLE", 600_000),
            ),
            tap=Tap(read.addr("CONTROL_LISTEN_ADDR", "0.0.0.0:4190"), read.optional("TAP_SVC_NAME")),
            cores=_cores(read),
            log=read.text("LOG", "warn,linkerd=info"),
            log_format=_choice(read, "LOG_FORMAT", LogFormat.plain),
            access_log=_choice(read, "ACCESS_LOG", AccessLog.off),
            shutdown_grace_ms=read.duration_ms("SHUTDOWN_GRACE_PERIOD", 120_000),
            tracing=_tracing(read),
            socket_mark=read.integer("SOCKET_MARK", 0, minimum=0, maximum=2**32 - 1),
        )
        if read.errors:
            raise BadSettings([PREFIX + message for message in read.errors])
        return settings


def _tracing(read: Reader) -> Tracing | None:
    if read.optional("TRACE_COLLECTOR_SVC_ADDR") is None:
        return None
    return Tracing(
        read.addr("TRACE_COLLECTOR_SVC_ADDR"),
        read.optional("TRACE_COLLECTOR_SVC_NAME"),
        read.text("TRACE_SERVICE_NAME", "linkerd-proxy"),
    )


def _choice(read: Reader, name: str, default: E) -> E:
    """A member of an enum, by its value."""
    value = read.choice(name, str(default.value), tuple(str(member.value) for member in type(default)))
    return type(default)(value)


def _csv(text: str) -> list[str]:
    return [part for part in (p.strip() for p in text.split(",")) if part]


def _http2(read: Reader, side: str) -> Http2Server:
    d = Http2Server()

    def integer(name: str, default: int, minimum: int, maximum: int) -> int:
        return read.integer(f"{side}_SERVER_HTTP2_{name}", default, minimum=minimum, maximum=maximum)

    # RFC 9113 section 6.5.2 bounds windows and frame sizes; a connection's window starts at 65,535 (6.9.2).
    return Http2Server(
        initial_stream_window_size=integer("INITIAL_STREAM_WINDOW_SIZE", d.initial_stream_window_size, 1, _I31),
        initial_connection_window_size=integer(
            "INITIAL_CONNECTION_WINDOW_SIZE", d.initial_connection_window_size, 65_535, _I31
        ),
        max_concurrent_streams=integer("MAX_CONCURRENT_STREAMS", d.max_concurrent_streams, 1, _I31),
        max_frame_size=integer("MAX_FRAME_SIZE", d.max_frame_size, 16_384, 2**24 - 1),
        max_header_list_size=integer("MAX_HEADER_LIST_SIZE", d.max_header_list_size, 1, _I31),
        max_pending_accept_reset_streams=integer("MAX_PENDING_ACCEPT_RESET_STREAMS", 20, 1, _I31),
        max_send_buf_size=integer("MAX_SEND_BUF_SIZE", d.max_send_buf_size, 1, _I31),
        adaptive_flow_control=read.boolean(f"{side}_SERVER_HTTP2_ADAPTIVE_FLOW_CONTROL", False),
        keep_alive_interval_ms=read.duration_ms(f"{side}_SERVER_HTTP2_KEEP_ALIVE_INTERVAL", 0),
        keep_alive_timeout_ms=read.duration_ms(f"{side}_SERVER_HTTP2_KEEP_ALIVE_TIMEOUT", d.keep_alive_timeout_ms),
    )


def _direction(read: Reader, side: str, listen: tuple[Addr, ...], d: Direction) -> Direction:
    def ms(name: str, default: int) -> int:
        return read.duration_ms(f"{side}_{name}", default)

    def count(name: str, default: int) -> int:
        return read.integer(f"{side}_{name}", default, minimum=1)

    backoff_min = ms("CONNECT_BASE_BACKOFF", d.backoff_min_ms)
    backoff_max = ms("CONNECT_MAX_BACKOFF", d.backoff_max_ms)
    if not 0 < backoff_min <= backoff_max:
        read.fail(f"{side}_CONNECT_MAX_BACKOFF", f"is smaller than {PREFIX}{side}_CONNECT_BASE_BACKOFF, or that is 0")
    return Direction(
        listen_addrs=listen,
        detect_timeout_ms=ms("DETECT_TIMEOUT", d.detect_timeout_ms),
        connect_timeout_ms=ms("CONNECT_TIMEOUT", d.connect_timeout_ms),
        backoff_min_ms=backoff_min,
        backoff_max_ms=backoff_max,
        backoff_jitter=read.convert(f"{side}_CONNECT_BACKOFF_JITTER", d.backoff_jitter, _ratio),
        http_queue_capacity=count("HTTP_QUEUE_CAPACITY", d.http_queue_capacity),
        http_failfast_ms=ms("HTTP_FAILFAST_TIMEOUT", d.http_failfast_ms),
        tcp_queue_capacity=count("TCP_QUEUE_CAPACITY", d.tcp_queue_capacity),
        tcp_failfast_ms=ms("TCP_FAILFAST_TIMEOUT", d.tcp_failfast_ms),
        max_in_flight=count("MAX_IN_FLIGHT", d.max_in_flight),
        http1_pool_idle_ms=ms("HTTP1_CONNECTION_POOL_IDLE_TIMEOUT", d.http1_pool_idle_ms),
        max_idle_conns_per_endpoint=count("MAX_IDLE_CONNS_PER_ENDPOINT", d.max_idle_conns_per_endpoint),
        discovery_idle_ms=ms("DISCOVERY_IDLE_TIMEOUT", d.discovery_idle_ms),
        accept_keepalive_ms=ms("ACCEPT_KEEPALIVE", 0),
        connect_keepalive_ms=ms("CONNECT_KEEPALIVE", 0),
        accept_user_timeout_ms=ms("ACCEPT_USER_TIMEOUT", 0),
        connect_user_timeout_ms=ms("CONNECT_USER_TIMEOUT", 0),
        http2=_http2(read, side),
    )


def _ratio(text: str) -> float:
    """A number from 0 to 1."""
    number = float(text)
    if not 0 <= number <= 1:
        raise ValueError(f"{text!r} is not a number from 0 to 1")
    return number


def _inbound(read: Reader) -> Inbound:
    defaults = Direction(
        (), connect_timeout_ms=300, backoff_max_ms=10_000, http_failfast_ms=1000, discovery_idle_ms=90_000
    )
    return Inbound(
        base=_direction(read, "INBOUND", (read.addr("INBOUND_LISTEN_ADDR", "0.0.0.0:4143"),), defaults),
        ips=read.convert(
            "INBOUND_IPS", frozenset(), lambda text: frozenset(str(ip_address(part)) for part in _csv(text))
        ),
        ports=read.convert("INBOUND_PORTS", [], parse_ports),
        disable_detection_ports=read.convert("INBOUND_PORTS_DISABLE_PROTOCOL_DETECTION", [], parse_ports),
        require_identity_ports=read.convert("INBOUND_PORTS_REQUIRE_IDENTITY", [], parse_ports),
        default_policy=_choice(read, "INBOUND_DEFAULT_POLICY", DefaultPolicy.all_unauthenticated),
        gateway_suffixes=tuple(_csv(read.text("INBOUND_GATEWAY_SUFFIXES", ""))),
        metrics_authority_labels=read.choice("INBOUND_METRICS_AUTHORITY_LABELS", "", ("unsafe",)) == "unsafe",
    )


def _outbound(read: Reader) -> Outbound:
    # OUTBOUND_LISTEN_ADDRS (at most one of each family) comes before OUTBOUND_LISTEN_ADDR.
    one = read.addr("OUTBOUND_LISTEN_ADDR", "127.0.0.1:4140")
    listen: tuple[Addr, ...] = (one,)
    listen = read.convert("OUTBOUND_LISTEN_ADDRS", listen, _listen_addrs)
    return Outbound(
        base=_direction(read, "OUTBOUND", listen, Direction(())),
        ingress_mode=read.boolean("INGRESS_MODE", False),
        disable_informational_headers=read.boolean("OUTBOUND_DISABLE_INFORMATIONAL_HEADERS", False),
        metrics_hostname_labels=read.boolean("OUTBOUND_METRICS_HOSTNAME_LABELS", False),
    )


def _listen_addrs(text: str) -> tuple[Addr, ...]:
    addrs = tuple(parse_addr(part) for part in _csv(text))
    families = [":" in addr.host for addr in addrs]
    if len(families) != len(set(families)):
        raise ValueError(f"{text!r}: at most one IPv4 and one IPv6 address")
    return addrs


def _identity(read: Reader) -> Identity:
    disabled = read.optional("IDENTITY_DISABLED") is not None
    minimum = read.duration_ms("IDENTITY_MIN_REFRESH", 10_000)
    maximum = read.duration_ms("IDENTITY_MAX_REFRESH", 86_400_000)
    if minimum > maximum:
        read.fail("IDENTITY_MAX_REFRESH", f"is smaller than {PREFIX}IDENTITY_MIN_REFRESH")
    if disabled:
        return Identity(True, "", "", "", "", Addr("", 0), "", minimum, maximum)
    anchors = read.text("IDENTITY_TRUST_ANCHORS")
    if anchors and "-----BEGIN CERTIFICATE-----" not in anchors:
        read.fail("IDENTITY_TRUST_ANCHORS", "holds no PEM certificate")
    return Identity(
        disabled=False,
        dir=read.text("IDENTITY_DIR"),
        trust_anchors=anchors,
        token_file=read.text("IDENTITY_TOKEN_FILE"),
        local_name=read.text("IDENTITY_LOCAL_NAME"),
        svc_addr=read.addr("IDENTITY_SVC_ADDR"),
        svc_name=read.text("IDENTITY_SVC_NAME"),
        min_refresh_ms=minimum,
        max_refresh_ms=maximum,
    )


def _destination(read: Reader) -> Destination:
    backoff_min = read.duration_ms("CONTROL_EXP_BACKOFF_MIN", 100)
    backoff_max = read.duration_ms("CONTROL_EXP_BACKOFF_MAX", 10_000)
    if not 0 < backoff_min <= backoff_max:
        read.fail("CONTROL_EXP_BACKOFF_MAX", f"is smaller than {PREFIX}CONTROL_EXP_BACKOFF_MIN, or that is 0")
    # POLICY_WORKLOAD says the same as DESTINATION_CONTEXT without the node, and stands in for it.
    workload = read.convert("POLICY_WORKLOAD", Context(), _context)
    return Destination(
        svc_addr=read.addr("DESTINATION_SVC_ADDR"),
        svc_name=read.text("DESTINATION_SVC_NAME", "" if read.optional("IDENTITY_DISABLED") else None),
        context=read.convert("DESTINATION_CONTEXT", workload, _context),
        suffixes=tuple(_csv(read.text("DESTINATION_PROFILE_SUFFIXES", "svc.cluster.local."))),
        networks=read.convert(
            "DESTINATION_PROFILE_NETWORKS", (), lambda text: tuple(ip_network(part) for part in _csv(text))
        ),
        stream_initial_timeout_ms=read.duration_ms("CONTROL_STREAM_INITIAL_TIMEOUT", 3000),
        stream_idle_timeout_ms=read.duration_ms("CONTROL_STREAM_IDLE_TIMEOUT", 300_000),
        stream_lifetime_ms=read.duration_ms("CONTROL_STREAM_LIFETIME", 3_600_000),
        backoff_min_ms=backoff_min,
        backoff_max_ms=backoff_max,
    )


class _ContextJson(msgspec.Struct):
    ns: str = ""
    pod: str = ""
    node_name: str = msgspec.field(default="", name="nodeName")
    zone: str = ""


def _context(text: str) -> Context:
    try:
        parsed = msgspec.json.decode(text, type=_ContextJson)
    except ValueError as error:  # msgspec's errors are ValueErrors
        raise ValueError(f'not JSON such as {{"ns": …, "pod": …}}: {error}') from error
    return Context(parsed.ns, parsed.pod, parsed.node_name, parsed.zone)


def _cores(read: Reader) -> Cores:
    """CORES is the older name of CORES_MAX."""
    cores = read.integer("CORES", 0, minimum=1)
    maximum = read.integer("CORES_MAX", cores, minimum=1)
    ratio = read.convert("CORES_MAX_RATIO", 0.0, _ratio)
    return Cores(read.integer("CORES_MIN", 1, minimum=1), maximum or None, ratio or None)
