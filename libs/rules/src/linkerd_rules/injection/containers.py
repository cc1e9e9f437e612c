"""The containers and volumes that injection adds: linkerd-init, linkerd-proxy, and the debug sidecar."""

import copy

from linkerd_contract import names
from linkerd_contract.identity import TOKEN_AUDIENCE
from linkerd_rules.injection.config import InjectConfig, ProxyConfig
from linkerd_rules.injection.env import proxy_env
from linkerd_rules.injection.tree import JsonObject, child, objects

DEBUG_CONTAINER = "linkerd-debug"
_INIT_UID = 65534
_TOKEN_SECONDS = 86400
_XTABLES_MOUNT = "/run"


def proxy_container(
    config: InjectConfig, proxy: ProxyConfig, spec: JsonObject, *, native: bool
) -> tuple[JsonObject, list[str]]:
    """linkerd-proxy, and warnings. Raises Malformed for a bad spec."""
    variables, warnings = proxy_env(config, proxy, spec)
    container: JsonObject = {
        "name": names.PROXY_CONTAINER,
        "image": f"{proxy.image}:{proxy.version}",
        "imagePullPolicy": proxy.pull_policy,
        "env": variables,
        "livenessProbe": {"httpGet": _http("/live", proxy), "initialDelaySeconds": 10, "timeoutSeconds": 1},
        "ports": [
            {"containerPort": proxy.inbound_port, "name": "linkerd-proxy"},
            {"containerPort": proxy.admin_port, "name": "linkerd-admin"},
        ],
        "readinessProbe": {"httpGet": _http("/ready", proxy), "initialDelaySeconds": 2, "timeoutSeconds": 1},
        "securityContext": _proxy_security(proxy, spec),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"mountPath": names.IDENTITY_DIR, "name": names.IDENTITY_VOLUME},
            {"mountPath": names.TOKEN_DIR, "name": names.TOKEN_VOLUME},
        ],
    }
    lifecycle: JsonObject = {}
    if native:
        container["restartPolicy"] = "Always"
        if proxy.await_proxy:
            container["startupProbe"] = {
                "httpGet": _http("/ready", proxy),
                "periodSeconds": 1,
                "failureThreshold": 120,
            }
    elif proxy.await_proxy:
        command = ["/usr/lib/linkerd/linkerd-await", "--timeout=2m", f"--port={proxy.admin_port}"]
        lifecycle["postStart"] = {"exec": {"command": command}}
    if proxy.wait_before_exit_seconds:
        lifecycle["preStop"] = {"exec": {"command": ["/bin/sleep", str(proxy.wait_before_exit_seconds)]}}
    if lifecycle:
        container["lifecycle"] = lifecycle
    if resources := _resources(proxy):
        container["resources"] = resources
    return container, warnings


def init_container(config: InjectConfig, proxy: ProxyConfig) -> tuple[JsonObject, list[str]]:
    """linkerd-init, which redirects the pod's traffic to the proxy; and warnings."""
    close_wait = proxy.close_wait_timeout_ms // 1000
    warnings = []
    if close_wait and not config.init_run_as_root:
        warnings.append("close-wait-timeout needs proxyInit.runAsRoot; it is left out")
        close_wait = 0
    container: JsonObject = {
        "name": names.INIT_CONTAINER,
        "image": f"{proxy.image}:{proxy.version}",
        "imagePullPolicy": proxy.pull_policy,
        "command": ["/usr/lib/linkerd/linkerd2-proxy-init"],
        "args": _init_args(config, proxy, close_wait),
        "securityContext": {
            "allowPrivilegeEscalation": close_wait > 0,
            "capabilities": {"add": ["NET_ADMIN", "NET_RAW"]},
            "privileged": close_wait > 0,
            "readOnlyRootFilesystem": True,
            "runAsGroup": 0 if config.init_run_as_root else _INIT_UID,
            "runAsNonRoot": not config.init_run_as_root,
            "runAsUser": 0 if config.init_run_as_root else _INIT_UID,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"mountPath": _XTABLES_MOUNT, "name": names.XTABLES_VOLUME}],
    }
    if resources := _resources(proxy):
        container["resources"] = resources
    return container, warnings


def debug_container(proxy: ProxyConfig) -> JsonObject:
    """linkerd-debug."""
    return {
        "name": DEBUG_CONTAINER,
        "image": f"{proxy.debug_image}:{proxy.debug_version}",
        "imagePullPolicy": proxy.debug_pull_policy,
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def volumes() -> list[JsonObject]:
    """Memory for the key and the chain; the token for identity; iptables' lock file."""
    token = {
        "serviceAccountToken": {
            "audience": TOKEN_AUDIENCE,
            "expirationSeconds": _TOKEN_SECONDS,
            "path": names.TOKEN_VOLUME,
        }
    }
    return [
        {"name": names.XTABLES_VOLUME, "emptyDir": {}},
        {"name": names.IDENTITY_VOLUME, "emptyDir": {"medium": "Memory"}},
        {"name": names.TOKEN_VOLUME, "projected": {"sources": [token]}},
    ]


def _http(path: str, proxy: ProxyConfig) -> JsonObject:
    return {"path": path, "port": proxy.admin_port}


def _init_args(config: InjectConfig, proxy: ProxyConfig, close_wait: int) -> list[str]:
    args = []
    if config.init_iptables_mode == "nft":
        args += ["--firewall-bin-path", "iptables-nft", "--firewall-save-bin-path", "iptables-nft-save"]
    args += [f"--ipv6={'true' if config.ipv6 else 'false'}"]
    args += ["--incoming-proxy-port", str(proxy.inbound_port), "--outgoing-proxy-port", str(proxy.outbound_port)]
    args += ["--proxy-uid", str(proxy.uid)]
    if proxy.gid >= 0:
        args += ["--proxy-gid", str(proxy.gid)]
    inbound = [str(proxy.control_port), str(proxy.admin_port), proxy.skip_inbound_ports]
    args += ["--inbound-ports-to-ignore", ",".join(part for part in inbound if part)]
    if proxy.skip_outbound_ports:
        args += ["--outbound-ports-to-ignore", proxy.skip_outbound_ports]
    if close_wait:
        args += ["--timeout-close-wait-secs", str(close_wait)]
    if config.init_log_format:
        args += ["--log-format", config.init_log_format]
    if config.init_log_level:
        args += ["--log-level", config.init_log_level]
    if proxy.skip_subnets:
        args += ["--subnets-to-ignore", proxy.skip_subnets]
    return args


def _proxy_security(proxy: ProxyConfig, spec: JsonObject) -> JsonObject:
    context: JsonObject = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "runAsUser": proxy.uid,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    if proxy.gid >= 0:
        context["runAsGroup"] = proxy.gid
    # Whatever policy admits the app's capabilities admits the same again (Linkerd).
    containers = objects(spec, "containers", "spec")
    if containers:
        app = child(containers[0], "securityContext", "spec.containers[0]")
        if capabilities := child(app, "capabilities", "spec.containers[0].securityContext"):
            context["capabilities"] = copy.deepcopy(capabilities)
    return context


def _resources(proxy: ProxyConfig) -> JsonObject:
    requests = {
        "cpu": proxy.cpu_request,
        "memory": proxy.memory_request,
        "ephemeral-storage": proxy.ephemeral_storage_request,
    }
    limits = {"cpu": proxy.cpu_limit, "memory": proxy.memory_limit, "ephemeral-storage": proxy.ephemeral_storage_limit}
    resources: JsonObject = {}
    for name, quantities in (("limits", limits), ("requests", requests)):
        if given := {resource: value for resource, value in quantities.items() if value}:
            resources[name] = given
    return resources
