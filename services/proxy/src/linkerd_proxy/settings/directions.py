"""Settings of the listeners of both directions, and of the connections that requests leave by."""

from dataclasses import dataclass, field
from enum import Enum
from ipaddress import ip_address

from linkerd_contract.durations import parse_ports
from linkerd_proxy.settings.reading import PREFIX, choice, csv, ratio
from linkerd_runtime.settings import Addr, Reader, parse_addr

_I31 = 2**31 - 1

Ports = list[tuple[int, int]]


class DefaultPolicy(Enum):
    """What INBOUND_DEFAULT_POLICY may say."""

    deny = "deny"
    all_authenticated = "all-authenticated"
    all_unauthenticated = "all-unauthenticated"
    cluster_authenticated = "cluster-authenticated"
    cluster_unauthenticated = "cluster-unauthenticated"
    audit = "audit"


@dataclass(frozen=True, slots=True)
class Http2Server:
    """HTTP/2 towards clients of a listener ({IN,OUT}BOUND_SERVER_HTTP2_*). Keep-alive 0 = none."""

    initial_stream_window_size: int = 65_535
    initial_connection_window_size: int = 1_048_576
    max_concurrent_streams: int = 1000
    max_frame_size: int = 16_384
    max_header_list_size: int = 65_536
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
        backoff_jitter=read.convert(f"{side}_CONNECT_BACKOFF_JITTER", d.backoff_jitter, ratio),
        http_queue_capacity=count("HTTP_QUEUE_CAPACITY", d.http_queue_capacity),
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


def inbound(read: Reader) -> Inbound:
    """INBOUND_*."""
    defaults = Direction((), connect_timeout_ms=300, backoff_max_ms=10_000, discovery_idle_ms=90_000)
    return Inbound(
        base=_direction(read, "INBOUND", (read.addr("INBOUND_LISTEN_ADDR", "0.0.0.0:4143"),), defaults),
        ips=read.convert(
            "INBOUND_IPS", frozenset(), lambda text: frozenset(str(ip_address(part)) for part in csv(text))
        ),
        ports=read.convert("INBOUND_PORTS", [], parse_ports),
        disable_detection_ports=read.convert("INBOUND_PORTS_DISABLE_PROTOCOL_DETECTION", [], parse_ports),
        require_identity_ports=read.convert("INBOUND_PORTS_REQUIRE_IDENTITY", [], parse_ports),
        default_policy=choice(read, "INBOUND_DEFAULT_POLICY", DefaultPolicy.all_unauthenticated),
        metrics_authority_labels=read.choice("INBOUND_METRICS_AUTHORITY_LABELS", "", ("unsafe",)) == "unsafe",
    )


def outbound(read: Reader) -> Outbound:
    """OUTBOUND_*."""
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
    addrs = tuple(parse_addr(part) for part in csv(text))
    families = [":" in addr.host for addr in addrs]
    if len(families) != len(set(families)):
        raise ValueError(f"{text!r}: at most one IPv4 and one IPv6 address")
    return addrs
