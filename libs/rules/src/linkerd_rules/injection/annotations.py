"""Annotations that configure one pod's sidecar: a table, and how pod and namespace go together (the pod wins).

A bad value gives a warning and the installation's default. Source: Linkerd's proxy configuration annotations.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from linkerd_contract.durations import parse_go_duration_ms
from linkerd_contract.names import ANNOTATION_INJECT, CONFIG_PREFIX
from linkerd_rules.injection import parsing
from linkerd_rules.injection.config import DEFAULT_POLICIES, PULL_POLICIES, ProxyConfig
from linkerd_rules.injection.tree import JsonObject

ADDITIONAL_ENV = CONFIG_PREFIX + "proxy-additional-env"
DEBUG_SIDECAR = CONFIG_PREFIX + "enable-debug-sidecar"
ALPHA_PREFIX = "config.alpha.linkerd.io/"
BETA_PREFIX = "config.beta.linkerd.io/"
NATIVE_SIDECAR = "proxy-enable-native-sidecar"
INGRESS = "ingress"


@dataclass(frozen=True, slots=True)
class Setting:
    """One annotation: the field of ProxyConfig that it sets, and whether a namespace may set it for its pods."""

    annotation: str
    field: str
    parse: Callable[[str], object]
    inherited: bool = True


def _setting(name: str, field: str, parse: Callable[[str], object], *, inherited: bool = True) -> Setting:
    return Setting(CONFIG_PREFIX + name, field, parse, inherited)


_uid = parsing.integer(1, 2**31 - 1)
_gid = parsing.integer(-1, 2**31 - 1)
_pull_policy = parsing.words(*PULL_POLICIES)

SETTINGS: tuple[Setting, ...] = (
    _setting("proxy-image", "image", parsing.image),
    _setting("proxy-version", "version", parsing.tag),
    _setting("image-pull-policy", "pull_policy", _pull_policy),
    _setting("debug-image", "debug_image", parsing.image, inherited=False),
    _setting("debug-image-version", "debug_version", parsing.tag, inherited=False),
    _setting("debug-image-pull-policy", "debug_pull_policy", _pull_policy, inherited=False),
    _setting("enable-debug-sidecar", "debug_sidecar", parsing.boolean),
    _setting("control-port", "control_port", parsing.port),
    _setting("admin-port", "admin_port", parsing.port),
    _setting("inbound-port", "inbound_port", parsing.port),
    _setting("outbound-port", "outbound_port", parsing.port),
    _setting("proxy-uid", "uid", _uid),
    _setting("proxy-gid", "gid", _gid),
    _setting("skip-inbound-ports", "skip_inbound_ports", parsing.port_set),
    _setting("skip-outbound-ports", "skip_outbound_ports", parsing.port_set),
    _setting("skip-subnets", "skip_subnets", parsing.subnets),
    _setting("opaque-ports", "opaque_ports", parsing.named_port_set),
    _setting("proxy-require-identity-inbound-ports", "require_identity_ports", parsing.port_set),
    _setting("default-inbound-policy", "default_inbound_policy", parsing.words(*DEFAULT_POLICIES)),
    _setting("proxy-cpu-request", "cpu_request", parsing.quantity),
    _setting("proxy-cpu-limit", "cpu_limit", parsing.quantity),
    _setting("proxy-cpu-ratio-limit", "cpu_ratio_limit", parsing.ratio, inherited=False),
    _setting("proxy-memory-request", "memory_request", parsing.quantity),
    _setting("proxy-memory-limit", "memory_limit", parsing.quantity),
    _setting("proxy-ephemeral-storage-request", "ephemeral_storage_request", parsing.quantity),
    _setting("proxy-ephemeral-storage-limit", "ephemeral_storage_limit", parsing.quantity),
    _setting("proxy-log-level", "log_level", parsing.plain),
    _setting("proxy-log-format", "log_format", parsing.words("plain", "json")),
    _setting("proxy-log-http-headers", "log_http_headers", parsing.words("off", "insecure")),
    _setting("access-log", "access_log", parsing.words("apache", "json", "")),
    _setting("proxy-await", "await_proxy", parsing.enabled),
    _setting("proxy-admin-shutdown", "admin_shutdown", parsing.enabled),
    _setting("enable-gateway", "gateway", parsing.boolean, inherited=False),
    _setting("enable-external-profiles", "external_profiles", parsing.boolean),
    _setting("proxy-metrics-hostname-labels", "metrics_hostname_labels", parsing.boolean),
    _setting("proxy-disable-outbound-protocol-detect-timeout", "disable_outbound_detect_timeout", parsing.boolean),
    _setting("proxy-disable-inbound-protocol-detect-timeout", "disable_inbound_detect_timeout", parsing.boolean),
    _setting("proxy-outbound-connect-timeout", "outbound_connect_timeout", parsing.duration),
    _setting("proxy-inbound-connect-timeout", "inbound_connect_timeout", parsing.duration),
    _setting("proxy-outbound-discovery-cache-unused-timeout", "outbound_discovery_idle", parsing.duration),
    _setting("proxy-inbound-discovery-cache-unused-timeout", "inbound_discovery_idle", parsing.duration),
    _setting("shutdown-grace-period", "shutdown_grace_period", parsing.duration),
    _setting("close-wait-timeout", "close_wait_timeout_ms", parse_go_duration_ms, inherited=False),
    Setting(ALPHA_PREFIX + "proxy-wait-before-exit-seconds", "wait_before_exit_seconds", parsing.integer(0, 86400)),
    # Later rows win: Linkerd moved this one from alpha to beta to stable.
    Setting(ALPHA_PREFIX + NATIVE_SIDECAR, "native_sidecar", parsing.boolean, inherited=False),
    Setting(BETA_PREFIX + NATIVE_SIDECAR, "native_sidecar", parsing.boolean, inherited=False),
    _setting(NATIVE_SIDECAR, "native_sidecar", parsing.boolean),
)


@dataclass(frozen=True, slots=True)
class Resolved:
    """One pod's configuration. `inherited` are annotations to write on the pod, so that others see what is in force."""

    proxy: ProxyConfig
    warnings: tuple[str, ...]
    inherited: Mapping[str, str]


def resolve(pod: Mapping[str, str], namespace: Mapping[str, str], defaults: ProxyConfig) -> Resolved:
    """Apply the annotations of a pod and of its namespace to the installation's defaults."""
    overrides: dict[str, object] = {}
    warnings: list[str] = []
    inherited: dict[str, str] = {}
    for setting in SETTINGS:
        value = pod.get(setting.annotation)
        from_namespace = value is None and setting.inherited
        if from_namespace:
            value = namespace.get(setting.annotation)
        if value is None:
            continue
        try:
            overrides[setting.field] = setting.parse(value)
        except ValueError as error:
            warnings.append(f"annotation {setting.annotation}: {error}; the default is used")
            continue
        if from_namespace:
            inherited[setting.annotation] = value
    overrides["additional_env"] = _additional_env(pod, namespace, defaults, warnings, inherited)
    if pod.get(ANNOTATION_INJECT, namespace.get(ANNOTATION_INJECT)) == INGRESS:
        overrides["ingress"] = True
    # The table's parsers return the fields' types; a test applies every row.
    proxy = replace(defaults, **overrides)  # type: ignore[arg-type]
    return Resolved(_distinct_ports(proxy, defaults, warnings), tuple(warnings), inherited)


def merge_env(*layers: list[JsonObject]) -> list[JsonObject]:
    """Environment variables merged by name: a later one takes the place of an earlier one."""
    merged: dict[object, JsonObject] = {}
    for layer in layers:
        for variable in layer:
            merged[variable["name"]] = variable
    return list(merged.values())


def _additional_env(
    pod: Mapping[str, str],
    namespace: Mapping[str, str],
    defaults: ProxyConfig,
    warnings: list[str],
    inherited: dict[str, str],
) -> tuple[JsonObject, ...]:
    layers = [list(defaults.additional_env)]
    for annotations in (namespace, pod):
        if (value := annotations.get(ADDITIONAL_ENV)) is None:
            continue
        try:
            layers.append(parsing.env_vars(value))
        except ValueError as error:
            warnings.append(f"annotation {ADDITIONAL_ENV}: {error}; it is left out")
            continue
        if annotations is namespace and ADDITIONAL_ENV not in pod:
            inherited[ADDITIONAL_ENV] = value
    return tuple(merge_env(*layers))


def _distinct_ports(proxy: ProxyConfig, defaults: ProxyConfig, warnings: list[str]) -> ProxyConfig:
    """Two of the proxy's listeners on one port would never start: back to the defaults, all four."""
    if len({proxy.control_port, proxy.admin_port, proxy.inbound_port, proxy.outbound_port}) == 4:
        return proxy
    warnings.append("annotations give two of the proxy's ports the same number; the defaults are used for all four")
    return replace(
        proxy,
        control_port=defaults.control_port,
        admin_port=defaults.admin_port,
        inbound_port=defaults.inbound_port,
        outbound_port=defaults.outbound_port,
    )
