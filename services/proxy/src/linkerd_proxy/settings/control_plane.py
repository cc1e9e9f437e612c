"""Settings of what the proxy asks of the control plane: certificates and discovery."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

import msgspec

from linkerd_proxy.settings.reading import PREFIX, csv
from linkerd_runtime.settings import Addr, Reader


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


def identity(read: Reader) -> Identity:
    """IDENTITY_*."""
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


def destination(read: Reader) -> Destination:
    """DESTINATION_* and CONTROL_*."""
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
        suffixes=tuple(csv(read.text("DESTINATION_PROFILE_SUFFIXES", "svc.cluster.local."))),
        networks=read.convert(
            "DESTINATION_PROFILE_NETWORKS", (), lambda text: tuple(ip_network(part) for part in csv(text))
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
