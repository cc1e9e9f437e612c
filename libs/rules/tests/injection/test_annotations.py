"""Annotations: every row of the table, inheritance, and bad values."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkerd_rules.injection.annotations import ADDITIONAL_ENV, SETTINGS, Setting, merge_env, resolve
from linkerd_rules.injection.config import ProxyConfig

DEFAULT = ProxyConfig()
PREFIX = "config.linkerd.io/"

# A good value for every row, and what it sets.
VALUES: dict[str, tuple[str, object]] = {
    "proxy-image": ("registry.example/proxy", "registry.example/proxy"),
    "proxy-version": ("v9", "v9"),
    "image-pull-policy": ("Never", "Never"),
    "debug-image": ("registry.example/debug", "registry.example/debug"),
    "debug-image-version": ("v8", "v8"),
    "debug-image-pull-policy": ("Always", "Always"),
    "enable-debug-sidecar": ("true", True),
    "control-port": ("5190", 5190),
    "admin-port": ("5191", 5191),
    "inbound-port": ("5143", 5143),
    "outbound-port": ("5140", 5140),
    "proxy-uid": ("2200", 2200),
    "proxy-gid": ("2201", 2201),
    "skip-inbound-ports": ("22, 8000-8001", "22,8000-8001"),
    "skip-outbound-ports": ("", ""),
    "skip-subnets": ("192.168.0.0/16", "192.168.0.0/16"),
    "opaque-ports": ("3306,redis", "3306,redis"),
    "proxy-require-identity-inbound-ports": ("8080", "8080"),
    "default-inbound-policy": ("all-authenticated", "all-authenticated"),
    "proxy-cpu-request": ("100m", "100m"),
    "proxy-cpu-limit": ("1", "1"),
    "proxy-cpu-ratio-limit": ("0.25", 0.25),
    "proxy-memory-request": ("20Mi", "20Mi"),
    "proxy-memory-limit": ("250Mi", "250Mi"),
    "proxy-ephemeral-storage-request": ("1Gi", "1Gi"),
    "proxy-ephemeral-storage-limit": ("2Gi", "2Gi"),
    "proxy-log-level": ("debug", "debug"),
    "proxy-log-format": ("json", "json"),
    "proxy-log-http-headers": ("insecure", "insecure"),
    "access-log": ("apache", "apache"),
    "proxy-await": ("disabled", False),
    "proxy-admin-shutdown": ("enabled", True),
    "enable-gateway": ("true", True),
    "enable-external-profiles": ("true", True),
    "proxy-metrics-hostname-labels": ("true", True),
    "proxy-disable-outbound-protocol-detect-timeout": ("true", True),
    "proxy-disable-inbound-protocol-detect-timeout": ("true", True),
    "proxy-outbound-connect-timeout": ("2s", "2000ms"),
    "proxy-inbound-connect-timeout": ("1s", "1000ms"),
    "proxy-outbound-discovery-cache-unused-timeout": ("10s", "10000ms"),
    "proxy-inbound-discovery-cache-unused-timeout": ("1m", "60000ms"),
    "shutdown-grace-period": ("30s", "30000ms"),
    "close-wait-timeout": ("60s", 60000),
    "proxy-wait-before-exit-seconds": ("7", 7),
    "proxy-enable-native-sidecar": ("false", False),
}
NOT_INHERITED = {
    "debug-image",
    "debug-image-version",
    "debug-image-pull-policy",
    "proxy-cpu-ratio-limit",
    "enable-gateway",
    "close-wait-timeout",
}


def test_the_table_is_whole() -> None:
    assert {s.annotation.partition("/")[2] for s in SETTINGS} == set(VALUES)
    names = {field.name for field in fields(ProxyConfig)}
    assert {s.field for s in SETTINGS} <= names
    assert names - {s.field for s in SETTINGS} == {"ingress", "additional_env"}


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: s.annotation)
def test_pod_and_namespace(setting: Setting) -> None:
    text, value = VALUES[setting.annotation.partition("/")[2]]
    on_pod = resolve({setting.annotation: text}, {}, DEFAULT)
    assert getattr(on_pod.proxy, setting.field) == value
    assert type(getattr(on_pod.proxy, setting.field)) is type(getattr(DEFAULT, setting.field))
    assert (on_pod.warnings, on_pod.inherited) == ((), {})
    on_namespace = resolve({}, {setting.annotation: text}, DEFAULT)
    if setting.inherited:
        assert getattr(on_namespace.proxy, setting.field) == value
        assert on_namespace.inherited == {setting.annotation: text}
    else:
        assert on_namespace.proxy == DEFAULT
        assert on_namespace.inherited == {}


def test_what_is_not_inherited() -> None:
    own = [s.annotation for s in SETTINGS if not s.inherited]
    stable = {annotation.removeprefix(PREFIX) for annotation in own if annotation.startswith(PREFIX)}
    assert stable == NOT_INHERITED


def test_the_pod_wins() -> None:
    key = PREFIX + "proxy-log-level"
    resolved = resolve({key: "trace"}, {key: "error"}, DEFAULT)
    assert resolved.proxy.log_level == "trace"
    assert resolved.inherited == {}


def test_bad_values_warn_and_keep_the_default() -> None:
    bad = {setting.annotation: "\x00 bad" for setting in SETTINGS}
    for resolved in (resolve(bad, {}, DEFAULT), resolve({}, bad, DEFAULT)):
        assert resolved.proxy == DEFAULT
        assert resolved.inherited == {}
        assert resolved.warnings
        assert all(w.startswith("annotation config.") and w.endswith("the default is used") for w in resolved.warnings)


def test_defaults_are_linkerds() -> None:
    assert (DEFAULT.control_port, DEFAULT.admin_port, DEFAULT.inbound_port, DEFAULT.outbound_port) == (
        4190,
        4191,
        4143,
        4140,
    )
    assert (DEFAULT.uid, DEFAULT.gid, DEFAULT.pull_policy) == (2102, -1, "IfNotPresent")
    assert DEFAULT.skip_inbound_ports == DEFAULT.skip_outbound_ports == "4567,4568"
    assert DEFAULT.opaque_ports == "25,587,3306,4444,5432,6379,9300,11211"
    assert (DEFAULT.log_level, DEFAULT.log_format) == ("warn,linkerd=info,hickory=error", "plain")
    assert (DEFAULT.log_http_headers, DEFAULT.access_log) == ("off", "")
    assert (DEFAULT.await_proxy, DEFAULT.admin_shutdown, DEFAULT.native_sidecar) == (True, False, True)
    assert (DEFAULT.outbound_connect_timeout, DEFAULT.inbound_connect_timeout) == ("1000ms", "100ms")
    assert (DEFAULT.outbound_discovery_idle, DEFAULT.inbound_discovery_idle) == ("5000ms", "90000ms")
    assert (DEFAULT.wait_before_exit_seconds, DEFAULT.default_inbound_policy) == (0, "all-unauthenticated")


def test_pod_inbound_ports_have_no_effect() -> None:
    """Linkerd reads the annotation and then writes the containers' own ports over it."""
    resolved = resolve({PREFIX + "pod-inbound-ports": "1"}, {PREFIX + "pod-inbound-ports": "2"}, DEFAULT)
    assert (resolved.proxy, resolved.warnings, resolved.inherited) == (DEFAULT, (), {})


def test_ingress_is_a_value_of_the_inject_annotation() -> None:
    key = "linkerd.io/inject"
    assert resolve({key: "ingress"}, {}, DEFAULT).proxy.ingress
    assert resolve({}, {key: "ingress"}, DEFAULT).proxy.ingress
    assert not resolve({key: "enabled"}, {key: "ingress"}, DEFAULT).proxy.ingress


def test_native_sidecar_prefixes_in_order_of_precedence() -> None:
    name = "proxy-enable-native-sidecar"
    alpha, beta, stable = (f"config.{stage}linkerd.io/{name}" for stage in ("alpha.", "beta.", ""))
    assert not resolve({alpha: "false"}, {}, DEFAULT).proxy.native_sidecar
    assert resolve({alpha: "false", beta: "true"}, {}, DEFAULT).proxy.native_sidecar
    assert not resolve({beta: "true", stable: "false"}, {}, DEFAULT).proxy.native_sidecar


def test_two_listeners_on_one_port_go_back_to_the_defaults() -> None:
    resolved = resolve({PREFIX + "admin-port": "4143", PREFIX + "control-port": "5190"}, {}, DEFAULT)
    assert resolved.proxy == DEFAULT
    assert "same number" in resolved.warnings[0]


def test_additional_env_merges_by_name() -> None:
    defaults = ProxyConfig(additional_env=({"name": "A", "value": "helm"}, {"name": "B", "value": "helm"}))
    namespace = {ADDITIONAL_ENV: '[{"name":"B","value":"ns"},{"name":"C","value":"ns"}]'}
    pod = {ADDITIONAL_ENV: '[{"name":"C","value":"pod"}]'}
    resolved = resolve(pod, namespace, defaults)
    assert {v["name"]: v["value"] for v in resolved.proxy.additional_env} == {"A": "helm", "B": "ns", "C": "pod"}
    assert resolve({}, namespace, defaults).inherited == namespace
    broken = resolve({ADDITIONAL_ENV: "["}, namespace, defaults)
    assert {v["name"]: v["value"] for v in broken.proxy.additional_env} == {"A": "helm", "B": "ns", "C": "ns"}
    assert ADDITIONAL_ENV in broken.warnings[0]


def test_merge_env_keeps_the_place_of_what_it_replaces() -> None:
    assert merge_env([{"name": "A"}, {"name": "B"}], [{"name": "A", "value": "1"}]) == [
        {"name": "A", "value": "1"},
        {"name": "B"},
    ]


KEYS = st.sampled_from([s.annotation for s in SETTINGS] + [ADDITIONAL_ENV, "linkerd.io/inject"])


@given(st.dictionaries(KEYS, st.text(max_size=40)), st.dictionaries(KEYS, st.text(max_size=40)))
def test_no_annotations_raise(pod: dict[str, str], namespace: dict[str, str]) -> None:
    resolve(pod, namespace, DEFAULT)
