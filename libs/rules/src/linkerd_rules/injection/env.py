"""The sidecar's environment: LINKERD2_PROXY_* as Linkerd's chart writes them, in its order."""

from linkerd_contract import names
from linkerd_rules.injection.annotations import merge_env
from linkerd_rules.injection.config import InjectConfig, ProxyConfig
from linkerd_rules.injection.parsing import cores
from linkerd_rules.injection.ports import inbound_ports, numeric
from linkerd_rules.injection.tree import JsonObject

PREFIX = "LINKERD2_PROXY_"
_LOCAL_NAME = "$(_pod_sa).$(_pod_ns).serviceaccount.identity.$(_l5d_ns).$(_l5d_trustdomain)"
_NEVER = "365d"
"""How Linkerd says that protocol detection never times out."""


def proxy_env(config: InjectConfig, proxy: ProxyConfig, spec: JsonObject) -> tuple[list[JsonObject], list[str]]:
    """EnvVar objects, and warnings. Raises Malformed for a bad spec."""
    opaque, unknown = numeric(proxy.opaque_ports, spec)
    warnings = [f"annotation {names.ANNOTATION_OPAQUE_PORTS}: no container has a port named {n!r}" for n in unknown]
    variables = [
        *_pod(),
        *_process(proxy),
        *_control_plane(config, proxy),
        *_timeouts(proxy),
        *_listeners(proxy, ipv6=config.ipv6),
        _field("INBOUND_IPS", "status.podIPs"),
        _var("INBOUND_PORTS", inbound_ports(spec)),
        *_routing(config, proxy),
        *_connections(),
        _var("INBOUND_PORTS_DISABLE_PROTOCOL_DETECTION", opaque),
        *_optional("INBOUND_PORTS_REQUIRE_IDENTITY", proxy.require_identity_ports),
        _var("DESTINATION_CONTEXT", '{"ns":"$(_pod_ns)", "nodeName":"$(_pod_nodeName)", "pod":"$(_pod_name)"}'),
        *_identity(config),
        *_optional("ACCESS_LOG", proxy.access_log),
        *_optional("SHUTDOWN_GRACE_PERIOD", proxy.shutdown_grace_period),
    ]
    return merge_env(variables, list(proxy.additional_env)), warnings


def _var(name: str, value: str) -> JsonObject:
    return {"name": PREFIX + name, "value": value}


def _optional(name: str, value: str) -> list[JsonObject]:
    return [_var(name, value)] if value else []


def _field(name: str, path: str) -> JsonObject:
    return {"name": PREFIX + name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def _helper(name: str, path: str) -> JsonObject:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _pod() -> list[JsonObject]:
    """Helpers that later values expand ($(NAME) sees only what stands before it)."""
    return [
        _helper("_pod_name", "metadata.name"),
        _helper("_pod_ns", "metadata.namespace"),
        _helper("_pod_nodeName", "spec.nodeName"),
    ]


def _process(proxy: ProxyConfig) -> list[JsonObject]:
    variables = []
    if proxy.cpu_limit:
        workers = str(cores(proxy.cpu_limit))
        variables += [_var("CORES", workers), _var("CORES_MIN", "1"), _var("CORES_MAX", workers)]
    elif proxy.cpu_ratio_limit:
        variables += [_var("CORES_MIN", "1"), _var("CORES_MAX_RATIO", f"{proxy.cpu_ratio_limit:g}")]
    elif proxy.cpu_request:
        variables.append(_var("CORES_MIN", str(cores(proxy.cpu_request))))
    level = proxy.log_level
    if proxy.log_http_headers == "off":
        level += ",[{headers}]=off,[{request}]=off"
    return [
        *variables,
        _var("SHUTDOWN_ENDPOINT_ENABLED", _flag(proxy.admin_shutdown)),
        _var("LOG", level),
        _var("LOG_FORMAT", proxy.log_format),
    ]


def _control_plane(config: InjectConfig, proxy: ProxyConfig) -> list[JsonObject]:
    # Policy and discovery are one service here, so Linkerd's POLICY_SVC_* have nothing to name.
    return [
        _var("DESTINATION_SVC_ADDR", service_addr(config, "linkerd-dst-headless", names.PORT_DESTINATION)),
        _var("DESTINATION_PROFILE_NETWORKS", config.cluster_networks),
        _var("POLICY_WORKLOAD", '{"ns":"$(_pod_ns)", "pod":"$(_pod_name)"}'),
        _var("INBOUND_DEFAULT_POLICY", proxy.default_inbound_policy),
        _var("POLICY_CLUSTER_NETWORKS", config.cluster_networks),
        _var("CONTROL_STREAM_INITIAL_TIMEOUT", "3s"),
        _var("CONTROL_STREAM_IDLE_TIMEOUT", "5m"),
        _var("CONTROL_STREAM_LIFETIME", "1h"),
    ]


def service_addr(config: InjectConfig, service: str, port: int) -> str:
    """A control plane service as proxies dial it; the final dot keeps the resolver's search list out of it."""
    return f"{service}.{config.control_plane_namespace}.svc.{config.cluster_domain}.:{port}"


def _timeouts(proxy: ProxyConfig) -> list[JsonObject]:
    variables = [
        _var("INBOUND_CONNECT_TIMEOUT", proxy.inbound_connect_timeout),
        _var("OUTBOUND_CONNECT_TIMEOUT", proxy.outbound_connect_timeout),
        _var("OUTBOUND_DISCOVERY_IDLE_TIMEOUT", proxy.outbound_discovery_idle),
        _var("INBOUND_DISCOVERY_IDLE_TIMEOUT", proxy.inbound_discovery_idle),
    ]
    if proxy.disable_outbound_detect_timeout:
        variables.append(_var("OUTBOUND_DETECT_TIMEOUT", _NEVER))
    if proxy.disable_inbound_detect_timeout:
        variables.append(_var("INBOUND_DETECT_TIMEOUT", _NEVER))
    return variables


def _listeners(proxy: ProxyConfig, *, ipv6: bool) -> list[JsonObject]:
    # [::] takes connections of both families; what is redirected in OUTPUT goes to its own family's loopback.
    everywhere = "[::]" if ipv6 else "0.0.0.0"  # noqa: S104 - in the pod's own network
    loopbacks = ["127.0.0.1", "[::1]"] if ipv6 else ["127.0.0.1"]
    outbound = ",".join(f"{host}:{proxy.outbound_port}" for host in loopbacks)
    return [
        _var("CONTROL_LISTEN_ADDR", f"{everywhere}:{proxy.control_port}"),
        _var("ADMIN_LISTEN_ADDR", f"{everywhere}:{proxy.admin_port}"),
        _var("OUTBOUND_LISTEN_ADDR", f"127.0.0.1:{proxy.outbound_port}"),
        _var("OUTBOUND_LISTEN_ADDRS", outbound),
        _var("INBOUND_LISTEN_ADDR", f"{everywhere}:{proxy.inbound_port}"),
    ]


def _routing(config: InjectConfig, proxy: ProxyConfig) -> list[JsonObject]:
    variables = []
    if proxy.ingress:
        variables.append(_var("INGRESS_MODE", "true"))
    if proxy.gateway:
        variables.append(_var("INBOUND_GATEWAY_SUFFIXES", f"svc.{config.cluster_domain}."))
    suffixes = "." if proxy.external_profiles else f"svc.{config.cluster_domain}."
    variables.append(_var("DESTINATION_PROFILE_SUFFIXES", suffixes))
    if proxy.metrics_hostname_labels:
        variables.append(_var("OUTBOUND_METRICS_HOSTNAME_LABELS", "true"))
    return variables


def _connections() -> list[JsonObject]:
    return [
        _var("INBOUND_ACCEPT_KEEPALIVE", "10000ms"),
        _var("OUTBOUND_CONNECT_KEEPALIVE", "10000ms"),
        _var("INBOUND_ACCEPT_USER_TIMEOUT", "30s"),
        _var("OUTBOUND_CONNECT_USER_TIMEOUT", "30s"),
        _var("INBOUND_SERVER_HTTP2_KEEP_ALIVE_INTERVAL", "10s"),
        _var("INBOUND_SERVER_HTTP2_KEEP_ALIVE_TIMEOUT", "3s"),
        _var("OUTBOUND_SERVER_HTTP2_KEEP_ALIVE_INTERVAL", "10s"),
        _var("OUTBOUND_SERVER_HTTP2_KEEP_ALIVE_TIMEOUT", "3s"),
    ]


def _identity(config: InjectConfig) -> list[JsonObject]:
    namespace, domain = config.control_plane_namespace, config.trust_domain

    def control_plane(account: str) -> str:
        return names.identity_name(account, namespace, namespace, domain)

    return [
        _helper("_pod_sa", "spec.serviceAccountName"),
        {"name": "_l5d_ns", "value": namespace},
        {"name": "_l5d_trustdomain", "value": domain},
        _var("IDENTITY_DIR", names.IDENTITY_DIR),
        _var("IDENTITY_TRUST_ANCHORS", config.trust_anchors),
        _var("IDENTITY_TOKEN_FILE", names.TOKEN_FILE),
        _var("IDENTITY_SVC_ADDR", service_addr(config, "linkerd-identity-headless", names.PORT_IDENTITY)),
        _var("IDENTITY_LOCAL_NAME", _LOCAL_NAME),
        _var("IDENTITY_SVC_NAME", control_plane("linkerd-identity")),
        _var("DESTINATION_SVC_NAME", control_plane("linkerd-destination")),
    ]
