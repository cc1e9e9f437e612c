"""The proxy's settings: every LINKERD2_PROXY_* variable, its default, and its type.

`Settings.from_env` takes a mapping and raises BadSettings with everything that is wrong at once (exit 64). Names and
defaults are linkerd2-proxy's. Durations are milliseconds in fields that end in `_ms`; addresses are (host, port).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from linkerd_proxy.settings import control_plane, directions
from linkerd_proxy.settings.control_plane import Context, Destination, Identity
from linkerd_proxy.settings.directions import DefaultPolicy, Direction, Http2Server, Inbound, Outbound
from linkerd_proxy.settings.ignored import ignored
from linkerd_proxy.settings.reading import PREFIX, choice, ratio
from linkerd_runtime.settings import Addr, BadSettings, Reader

__all__ = [
    "PREFIX",
    "AccessLog",
    "Admin",
    "Context",
    "Cores",
    "DefaultPolicy",
    "Destination",
    "Direction",
    "Http2Server",
    "Identity",
    "Inbound",
    "LogFormat",
    "Outbound",
    "Settings",
    "Tap",
    "Tracing",
]


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
    ignored: tuple[str, ...] = ()
    """What is set and has no effect, a sentence each."""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Read all variables. Raises BadSettings."""
        read = Reader({name.removeprefix(PREFIX): value for name, value in env.items() if name.startswith(PREFIX)})
        settings = cls(
            inbound=directions.inbound(read),
            outbound=directions.outbound(read),
            identity=control_plane.identity(read),
            destination=control_plane.destination(read),
            admin=Admin(
                read.addr("ADMIN_LISTEN_ADDR", "127.0.0.1:4191"),
                read.boolean("SHUTDOWN_ENDPOINT_ENABLED", False),
                read.duration_ms("METRICS_RETAIN_IDLE", 600_000),
            ),
            tap=Tap(read.addr("CONTROL_LISTEN_ADDR", "0.0.0.0:4190"), read.optional("TAP_SVC_NAME")),
            cores=_cores(read),
            log=read.text("LOG", "warn,linkerd=info"),
            log_format=choice(read, "LOG_FORMAT", LogFormat.plain),
            access_log=choice(read, "ACCESS_LOG", AccessLog.off),
            shutdown_grace_ms=read.duration_ms("SHUTDOWN_GRACE_PERIOD", 120_000),
            tracing=_tracing(read),
            socket_mark=read.integer("SOCKET_MARK", 0, minimum=0, maximum=2**32 - 1),
            ignored=ignored(read),
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


def _cores(read: Reader) -> Cores:
    """CORES is the older name of CORES_MAX."""
    cores = read.integer("CORES", 0, minimum=1)
    maximum = read.integer("CORES_MAX", cores, minimum=1)
    share = read.convert("CORES_MAX_RATIO", 0.0, ratio)
    return Cores(read.integer("CORES_MIN", 1, minimum=1), maximum or None, share or None)
