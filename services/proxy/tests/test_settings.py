"""Settings: defaults are linkerd2-proxy's; everything wrong is reported at once."""

from ipaddress import ip_network

import pytest

from linkerd_proxy.settings import Context, Cores, DefaultPolicy, LogFormat, Settings, Tracing
from linkerd_runtime.settings import Addr, BadSettings

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
REQUIRED = {
    "LINKERD2_PROXY_DESTINATION_SVC_ADDR": "linkerd-dst-headless.linkerd.svc.cluster.local.:8086",
    "LINKERD2_PROXY_DESTINATION_SVC_NAME": "linkerd-destination.linkerd.serviceaccount.identity.linkerd.cluster.local",
    "LINKERD2_PROXY_IDENTITY_SVC_ADDR": "linkerd-identity-headless.linkerd.svc.cluster.local.:8080",
    "LINKERD2_PROXY_IDENTITY_SVC_NAME": "linkerd-identity.linkerd.serviceaccount.identity.linkerd.cluster.local",
    "LINKERD2_PROXY_IDENTITY_DIR": "/var/run/linkerd/identity/end-entity",
    "LINKERD2_PROXY_IDENTITY_TOKEN_FILE": "/var/run/secrets/tokens/linkerd-identity-token",
    "LINKERD2_PROXY_IDENTITY_LOCAL_NAME": "web.emojivoto.serviceaccount.identity.linkerd.cluster.local",
    "LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS": PEM,
}


def settings(**more: str) -> Settings:
    return Settings.from_env(REQUIRED | {f"LINKERD2_PROXY_{name}": value for name, value in more.items()})


def errors(**more: str) -> list[str]:
    with pytest.raises(BadSettings) as caught:
        settings(**more)
    return caught.value.messages


def test_defaults() -> None:
    read = settings()
    inbound, outbound = read.inbound.base, read.outbound.base
    assert inbound.listen_addrs == (Addr("0.0.0.0", 4143),)
    assert outbound.listen_addrs == (Addr("127.0.0.1", 4140),)
    assert (inbound.connect_timeout_ms, outbound.connect_timeout_ms) == (300, 1000)
    assert (inbound.backoff_max_ms, outbound.backoff_max_ms) == (10_000, 60_000)
    assert (inbound.tcp_failfast_ms, outbound.tcp_failfast_ms) == (3000, 3000)
    assert (inbound.discovery_idle_ms, outbound.discovery_idle_ms) == (90_000, 5000)
    assert inbound.http2.initial_connection_window_size == 1_048_576
    assert read.admin.listen_addr == ("127.0.0.1", 4191)
    assert read.tap.svc_name is None
    assert read.shutdown_grace_ms == 120_000
    assert read.cores == Cores()
    assert read.inbound.default_policy is DefaultPolicy.all_unauthenticated


def test_what_the_injector_writes() -> None:
    read = settings(
        DESTINATION_CONTEXT='{"ns":"emojivoto", "nodeName":"n1", "pod":"web-1"}\n',
        POLICY_WORKLOAD='{"ns":"emojivoto", "pod":"web-1"}\n',
        DESTINATION_PROFILE_NETWORKS="10.0.0.0/8,fd00::/8",
        INBOUND_DEFAULT_POLICY="all-authenticated",
        OUTBOUND_CONNECT_TIMEOUT="1000ms",
        INBOUND_IPS="10.42.0.7,FD00:0::7",
        INBOUND_PORTS="8080,9000-9002",
        INBOUND_DETECT_TIMEOUT="365d",
        OUTBOUND_LISTEN_ADDRS="127.0.0.1:4140,[::1]:4140",
        ADMIN_LISTEN_ADDR="[::]:4191",
        LOG_FORMAT="json",
        SHUTDOWN_ENDPOINT_ENABLED="false",
        OUTBOUND_SERVER_HTTP2_KEEP_ALIVE_INTERVAL="10s",
        CORES="2",
    )
    assert read.destination.context == Context("emojivoto", "web-1", "n1")
    assert read.destination.context.workload == "emojivoto/web-1"
    assert read.destination.networks == (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
    assert read.inbound.ips == {"10.42.0.7", "fd00::7"}
    assert read.inbound.ports == [(8080, 8080), (9000, 9002)]
    assert read.inbound.base.detect_timeout_ms == 365 * 86_400_000
    assert read.outbound.base.listen_addrs == (Addr("127.0.0.1", 4140), Addr("::1", 4140))
    assert read.outbound.base.http2.keep_alive_interval_ms == 10_000
    assert read.log_format is LogFormat.json
    assert read.cores.count(8) == 2


def test_policy_workload_stands_in_for_the_context() -> None:
    assert settings(POLICY_WORKLOAD='{"ns":"a","pod":"b"}').destination.context == Context("a", "b")


def test_every_bad_value_is_reported() -> None:
    messages = errors(
        OUTBOUND_CONNECT_TIMEOUT="1000",
        INBOUND_PORTS="90-80",
        INBOUND_DEFAULT_POLICY="allow",
        DESTINATION_PROFILE_NETWORKS="10.0.0.1/8",
        INBOUND_CONNECT_BASE_BACKOFF="1m",
        DESTINATION_CONTEXT="{",
        IDENTITY_TRUST_ANCHORS="no",
        CORES_MAX_RATIO="1.5",
        OUTBOUND_SERVER_HTTP2_MAX_FRAME_SIZE="1",
        ADMIN_LISTEN_ADDR="4191",
        OUTBOUND_LISTEN_ADDRS="127.0.0.1:1,127.0.0.1:2",
        INGRESS_MODE="maybe",
    )
    names = {message.partition(":")[0].removeprefix("LINKERD2_PROXY_") for message in messages}
    assert names == {
        "OUTBOUND_CONNECT_TIMEOUT",
        "INBOUND_PORTS",
        "INBOUND_DEFAULT_POLICY",
        "DESTINATION_PROFILE_NETWORKS",
        "INBOUND_CONNECT_MAX_BACKOFF",
        "DESTINATION_CONTEXT",
        "IDENTITY_TRUST_ANCHORS",
        "CORES_MAX_RATIO",
        "OUTBOUND_SERVER_HTTP2_MAX_FRAME_SIZE",
        "ADMIN_LISTEN_ADDR",
        "OUTBOUND_LISTEN_ADDRS",
        "INGRESS_MODE",
    }
    assert all(message.startswith("LINKERD2_PROXY_") for message in messages)


def test_what_is_required_is_named() -> None:
    with pytest.raises(BadSettings) as caught:
        Settings.from_env({})
    assert {message.partition(":")[0] for message in caught.value.messages} == set(REQUIRED)


def test_without_identity_only_destination_is_required() -> None:
    read = Settings.from_env(
        {"LINKERD2_PROXY_IDENTITY_DISABLED": "1", "LINKERD2_PROXY_DESTINATION_SVC_ADDR": "127.0.0.1:8086"}
    )
    assert read.identity.disabled
    assert read.destination.svc_name == ""


@pytest.mark.parametrize(
    ("cores", "available", "workers"),
    [
        (Cores(), 8, 1),
        (Cores(maximum=4), 2, 2),
        (Cores(ratio=0.5), 8, 4),
        (Cores(ratio=0.1), 2, 1),
        (Cores(minimum=3, ratio=0.25), 8, 3),
        (Cores(minimum=4), 2, 2),
    ],
)
def test_cores(cores: Cores, available: int, workers: int) -> None:
    assert cores.count(available) == workers


def test_a_socket_mark() -> None:
    assert settings().socket_mark == 0
    assert settings(SOCKET_MARK="19509").socket_mark == 19509
    for bad in ("0x10", "-1", str(2**32)):
        assert "LINKERD2_PROXY_SOCKET_MARK" in errors(SOCKET_MARK=bad)[0]


def test_traces_are_not_looked_at_without_a_collector() -> None:
    assert settings().tracing is None
    found = settings(TRACE_COLLECTOR_SVC_ADDR="otel:4318", TRACE_COLLECTOR_SVC_NAME="otel.id").tracing
    assert found == Tracing(Addr("otel", 4318), "otel.id", "linkerd-proxy")
    assert "TRACE_COLLECTOR_SVC_ADDR" in errors(TRACE_COLLECTOR_SVC_ADDR="otel")[0]
