"""The containers that are added: what depends on what. Whole ones are in golden/."""

from linkerd_rules.injection import InjectConfig, ProxyConfig
from linkerd_rules.injection.containers import debug_container, init_container, proxy_container, volumes
from linkerd_rules.injection.tree import JsonObject

CONFIG = InjectConfig("PEM")
SPEC: JsonObject = {
    "containers": [{"name": "app", "securityContext": {"capabilities": {"drop": ["ALL"]}}}],
}


def proxy(config: ProxyConfig, *, native: bool) -> JsonObject:
    container, warnings = proxy_container(CONFIG, config, SPEC, native=native)
    assert warnings == []
    return container


def args(config: InjectConfig = CONFIG, **changes: object) -> list[object]:
    container, _ = init_container(config, ProxyConfig(**changes))  # type: ignore[arg-type]
    found = container["args"]
    assert isinstance(found, list)
    return found


def test_native_waits_by_startup_probe_and_classic_by_post_start() -> None:
    native, classic = (proxy(ProxyConfig(), native=form) for form in (True, False))
    assert native["restartPolicy"] == "Always"
    assert "startupProbe" in native
    assert "lifecycle" not in native
    assert "startupProbe" not in classic
    assert "restartPolicy" not in classic
    command = ["/usr/lib/linkerd/linkerd-await", "--timeout=2m", "--port=4191"]
    assert classic["lifecycle"] == {"postStart": {"exec": {"command": command}}}
    for form in (True, False):
        impatient = proxy(ProxyConfig(await_proxy=False, wait_before_exit_seconds=5), native=form)
        assert impatient["lifecycle"] == {"preStop": {"exec": {"command": ["/bin/sleep", "5"]}}}
        assert "startupProbe" not in impatient


def test_security_context() -> None:
    context = proxy(ProxyConfig(gid=2201, uid=2200), native=True)["securityContext"]
    assert context == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsGroup": 2201,
        "runAsNonRoot": True,
        "runAsUser": 2200,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def test_resources() -> None:
    assert "resources" not in proxy(ProxyConfig(), native=True)
    config = ProxyConfig(cpu_request="100m", memory_request="20Mi", memory_limit="250Mi", ephemeral_storage_limit="1Gi")
    assert proxy(config, native=True)["resources"] == {
        "limits": {"memory": "250Mi", "ephemeral-storage": "1Gi"},
        "requests": {"cpu": "100m", "memory": "20Mi"},
    }


def test_init_arguments() -> None:
    assert args()[:5] == [
        "--firewall-bin-path",
        "iptables-nft",
        "--firewall-save-bin-path",
        "iptables-nft-save",
        "--ipv6=false",
    ]
    legacy = args(InjectConfig("PEM", init_iptables_mode="legacy", init_log_level="info", init_log_format="json"))
    assert legacy[0] == "--ipv6=false"
    assert "--ipv6=true" in args(InjectConfig("PEM", ipv6=True))
    assert legacy[-4:] == ["--log-format", "json", "--log-level", "info"]
    changed = args(
        skip_inbound_ports="", skip_outbound_ports="", skip_subnets="10.0.0.0/8", gid=5, admin_port=1, control_port=2
    )
    assert "--outbound-ports-to-ignore" not in changed
    assert changed[changed.index("--inbound-ports-to-ignore") + 1] == "2,1"
    assert changed[changed.index("--proxy-gid") + 1] == "5"
    assert changed[-2:] == ["--subnets-to-ignore", "10.0.0.0/8"]


def test_close_wait_needs_root() -> None:
    container, warnings = init_container(CONFIG, ProxyConfig(close_wait_timeout_ms=60000))
    assert "runAsRoot" in warnings[0]
    assert "--timeout-close-wait-secs" not in args(close_wait_timeout_ms=60000)
    root = InjectConfig("PEM", init_run_as_root=True)
    container, warnings = init_container(root, ProxyConfig(close_wait_timeout_ms=60000))
    assert warnings == []
    found = container["args"]
    assert isinstance(found, list)
    assert found[found.index("--timeout-close-wait-secs") + 1] == "60"
    context = container["securityContext"]
    assert isinstance(context, dict)
    assert (context["runAsUser"], context["runAsNonRoot"], context["privileged"]) == (0, False, True)


def test_debug_container() -> None:
    config = ProxyConfig(debug_image="registry.example/debug", debug_version="v1")
    assert debug_container(config)["image"] == "registry.example/debug:v1"


def test_volumes() -> None:
    assert [volume["name"] for volume in volumes()] == [
        "linkerd-proxy-init-xtables-lock",
        "linkerd-identity-end-entity",
        "linkerd-identity-token",
    ]
