"""What is rendered into pods: the installation's values (ConfigMap linkerd-config, key `values`, Linkerd's Helm names).

ProxyConfig is what annotations can change for one pod; InjectConfig is the rest. Both are made by `from_values`, which
keeps the default for each bad value and says so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from linkerd_contract import names
from linkerd_contract.version import VERSION
from linkerd_rules.injection import parsing
from linkerd_rules.injection.tree import JsonObject

T = TypeVar("T")

DEFAULT_POLICIES = (
    "all-unauthenticated",
    "all-authenticated",
    "cluster-unauthenticated",
    "cluster-authenticated",
    "deny",
    "audit",
)
CLUSTER_NETWORKS = "10.0.0.0/8,100.64.0.0/10,172.16.0.0/12,192.168.0.0/16,fd00::/8"
PULL_POLICIES = ("Always", "IfNotPresent", "Never")


@dataclass(frozen=True, slots=True)
class ProxyConfig:
    """One pod's sidecar. Durations are in milliseconds with their unit ("100ms"); port sets "80,8000-8100"."""

    image: str = f"{names.REGISTRY}/proxy"
    version: str = VERSION
    pull_policy: str = "IfNotPresent"
    debug_image: str = f"{names.REGISTRY}/debug"
    debug_version: str = VERSION
    debug_pull_policy: str = "IfNotPresent"
    debug_sidecar: bool = False

    control_port: int = names.PORT_TAP
    admin_port: int = names.PORT_ADMIN
    inbound_port: int = names.PORT_INBOUND
    outbound_port: int = names.PORT_OUTBOUND
    uid: int = names.PROXY_UID
    gid: int = -1
    """-1: none is set."""

    skip_inbound_ports: str = names.DEFAULT_SKIP_PORTS
    skip_outbound_ports: str = names.DEFAULT_SKIP_PORTS
    skip_subnets: str = ""
    opaque_ports: str = names.DEFAULT_OPAQUE_PORTS
    require_identity_ports: str = ""
    default_inbound_policy: str = "all-unauthenticated"

    cpu_request: str = ""
    cpu_limit: str = ""
    cpu_ratio_limit: float = 0.0
    """0: none."""
    memory_request: str = ""
    memory_limit: str = ""
    ephemeral_storage_request: str = ""
    ephemeral_storage_limit: str = ""

    log_level: str = "warn,linkerd=info,hickory=error"
    log_format: str = "plain"
    log_http_headers: str = "off"
    access_log: str = ""

    await_proxy: bool = True
    admin_shutdown: bool = False
    native_sidecar: bool = True
    ingress: bool = False
    gateway: bool = False
    external_profiles: bool = False
    metrics_hostname_labels: bool = False
    disable_outbound_detect_timeout: bool = False
    disable_inbound_detect_timeout: bool = False

    outbound_connect_timeout: str = "1000ms"
    inbound_connect_timeout: str = "100ms"
    outbound_discovery_idle: str = "5000ms"
    inbound_discovery_idle: str = "90000ms"
    shutdown_grace_period: str = ""
    close_wait_timeout_ms: int = 0
    wait_before_exit_seconds: int = 0
    additional_env: tuple[JsonObject, ...] = ()


@dataclass(frozen=True, slots=True)
class InjectConfig:
    """All that injection needs beside the pod and its namespace."""

    trust_anchors: str
    """PEM bundle, as it is now."""
    native_sidecars: bool = True
    """Whether this cluster runs init containers with restartPolicy Always (from Kubernetes 1.29)."""
    version: str = VERSION
    control_plane_namespace: str = names.LINKERD_NAMESPACE
    cluster_domain: str = names.CLUSTER_DOMAIN
    trust_domain: str = names.CLUSTER_DOMAIN
    cluster_networks: str = CLUSTER_NETWORKS
    proxy: ProxyConfig = field(default_factory=ProxyConfig)
    ipv6: bool = False
    """Whether pods have IPv6 addresses to be meshed too: rules and listeners of both families."""
    init_run_as_root: bool = False
    init_iptables_mode: str = "nft"
    init_log_level: str = ""
    init_log_format: str = ""


class _Values:
    """Reads the values document by dotted names; remembers what was wrong and keeps the default."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values
        self.warnings: list[str] = []

    def find(self, path: str) -> object:
        value: object = self._values
        for key in path.split("."):
            if not isinstance(value, Mapping):
                return None
            value = value.get(key)
        return value

    def read(self, path: str, default: T, parse: Callable[[str], T]) -> T:
        """Scalars are parsed as text, so that YAML's and JSON's types and annotations share their parsers."""
        value = self.find(path)
        if value is None or value == "":
            return default
        if isinstance(value, bool):
            value = "true" if value else "false"
        if not isinstance(value, str | int | float):
            self.warnings.append(f"{path}: must be a plain value")
            return default
        try:
            return parse(str(value))
        except ValueError as error:
            self.warnings.append(f"{path}: {error}")
            return default

    def read_empty(self, path: str, default: str, parse: Callable[[str], str]) -> str:
        """As `read`, for lists that a user may empty: "" is a value."""
        return "" if self.find(path) == "" else self.read(path, default, parse)


def from_values(
    values: Mapping[str, object], *, trust_anchors: str, control_plane_namespace: str, native_sidecars: bool
) -> tuple[InjectConfig, list[str]]:
    """The configuration in a values document, and a warning for each value that could not be used."""
    v = _Values(values)
    if v.find("cniEnabled") is True:
        v.warnings.append("cniEnabled: not implemented; pods get the init container")
    if isinstance(identity := v.find("identity"), dict) and identity.get("serviceAccountTokenProjection") is False:
        v.warnings.append("identity.serviceAccountTokenProjection: false is not implemented; tokens are projected")
    config = InjectConfig(
        trust_anchors=trust_anchors,
        native_sidecars=native_sidecars,
        version=v.read("linkerdVersion", VERSION, parsing.tag),
        control_plane_namespace=control_plane_namespace,
        cluster_domain=v.read("clusterDomain", names.CLUSTER_DOMAIN, parsing.plain),
        trust_domain=v.read(
            "identityTrustDomain", v.read("clusterDomain", names.CLUSTER_DOMAIN, parsing.plain), parsing.plain
        ),
        cluster_networks=v.read("clusterNetworks", CLUSTER_NETWORKS, parsing.subnets),
        proxy=_proxy(v),
        ipv6=not v.read("disableIPv6", True, parsing.boolean),
        init_run_as_root=v.read("proxyInit.runAsRoot", False, parsing.boolean),
        init_iptables_mode=v.read("proxyInit.iptablesMode", "nft", parsing.words("nft", "legacy")),
        init_log_level=v.read("proxyInit.logLevel", "", parsing.plain),
        init_log_format=v.read("proxyInit.logFormat", "", parsing.words("plain", "json")),
    )
    return config, v.warnings


def _proxy(v: _Values) -> ProxyConfig:
    d = ProxyConfig()
    pull_policy = v.read("imagePullPolicy", d.pull_policy, parsing.words(*PULL_POLICIES))
    additional_env: tuple[JsonObject, ...] = ()
    try:
        additional_env = tuple(parsing.check_env_vars(v.find("proxy.additionalEnv") or []))
    except ValueError as error:
        v.warnings.append(f"proxy.additionalEnv: {error}")
    return ProxyConfig(
        image=v.read("proxy.image.name", d.image, parsing.image),
        version=v.read("proxy.image.version", v.read("linkerdVersion", d.version, parsing.tag), parsing.tag),
        pull_policy=v.read("proxy.image.pullPolicy", pull_policy, parsing.words(*PULL_POLICIES)),
        debug_image=v.read("debugContainer.image.name", d.debug_image, parsing.image),
        debug_version=v.read(
            "debugContainer.image.version", v.read("linkerdVersion", d.debug_version, parsing.tag), parsing.tag
        ),
        debug_pull_policy=v.read("debugContainer.image.pullPolicy", pull_policy, parsing.words(*PULL_POLICIES)),
        control_port=v.read("proxy.ports.control", d.control_port, parsing.port),
        admin_port=v.read("proxy.ports.admin", d.admin_port, parsing.port),
        inbound_port=v.read("proxy.ports.inbound", d.inbound_port, parsing.port),
        outbound_port=v.read("proxy.ports.outbound", d.outbound_port, parsing.port),
        uid=v.read("proxy.uid", d.uid, parsing.integer(1, 2**31 - 1)),
        gid=v.read("proxy.gid", d.gid, parsing.integer(-1, 2**31 - 1)),
        skip_inbound_ports=v.read_empty("proxyInit.ignoreInboundPorts", d.skip_inbound_ports, parsing.port_set),
        skip_outbound_ports=v.read_empty("proxyInit.ignoreOutboundPorts", d.skip_outbound_ports, parsing.port_set),
        skip_subnets=v.read("proxyInit.skipSubnets", d.skip_subnets, parsing.subnets),
        opaque_ports=v.read_empty("proxy.opaquePorts", d.opaque_ports, parsing.named_port_set),
        require_identity_ports=v.read("proxy.requireIdentityOnInboundPorts", "", parsing.port_set),
        default_inbound_policy=v.read(
            "proxy.defaultInboundPolicy", d.default_inbound_policy, parsing.words(*DEFAULT_POLICIES)
        ),
        cpu_request=v.read("proxy.resources.cpu.request", "", parsing.quantity),
        cpu_limit=v.read("proxy.resources.cpu.limit", "", parsing.quantity),
        cpu_ratio_limit=v.read("proxy.runtime.workers.maximumCPURatio", 0.0, parsing.ratio),
        memory_request=v.read("proxy.resources.memory.request", "", parsing.quantity),
        memory_limit=v.read("proxy.resources.memory.limit", "", parsing.quantity),
        ephemeral_storage_request=v.read("proxy.resources.ephemeral-storage.request", "", parsing.quantity),
        ephemeral_storage_limit=v.read("proxy.resources.ephemeral-storage.limit", "", parsing.quantity),
        log_level=v.read("proxy.logLevel", d.log_level, parsing.plain),
        log_format=v.read("proxy.logFormat", d.log_format, parsing.words("plain", "json")),
        log_http_headers=v.read("proxy.logHTTPHeaders", d.log_http_headers, parsing.words("off", "insecure")),
        access_log=v.read("proxy.accessLog", "", parsing.words("apache", "json")),
        await_proxy=v.read("proxy.await", d.await_proxy, parsing.boolean),
        admin_shutdown=v.read("proxy.enableShutdownEndpoint", d.admin_shutdown, parsing.boolean),
        native_sidecar=v.read("proxy.nativeSidecar", d.native_sidecar, parsing.boolean),
        external_profiles=v.read("proxy.enableExternalProfiles", False, parsing.boolean),
        metrics_hostname_labels=v.read("proxy.metrics.hostnameLabels", False, parsing.boolean),
        disable_outbound_detect_timeout=v.read("proxy.disableOutboundProtocolDetectTimeout", False, parsing.boolean),
        disable_inbound_detect_timeout=v.read("proxy.disableInboundProtocolDetectTimeout", False, parsing.boolean),
        outbound_connect_timeout=v.read("proxy.outboundConnectTimeout", d.outbound_connect_timeout, parsing.duration),
        inbound_connect_timeout=v.read("proxy.inboundConnectTimeout", d.inbound_connect_timeout, parsing.duration),
        outbound_discovery_idle=v.read(
            "proxy.outboundDiscoveryCacheUnusedTimeout", d.outbound_discovery_idle, parsing.duration
        ),
        inbound_discovery_idle=v.read(
            "proxy.inboundDiscoveryCacheUnusedTimeout", d.inbound_discovery_idle, parsing.duration
        ),
        shutdown_grace_period=v.read("proxy.shutdownGracePeriod", "", parsing.duration),
        close_wait_timeout_ms=v.read("proxyInit.closeWaitTimeoutSecs", 0, parsing.integer(0, 86400)) * 1000,
        wait_before_exit_seconds=v.read("proxy.waitBeforeExitSeconds", 0, parsing.integer(0, 86400)),
        additional_env=additional_env,
    )
