"""Label sets: Linkerd's names, escaped, empty values left out."""

import pytest

from linkerd_contract.resource import ResourceRef
from linkerd_proxy.telemetry import labels
from linkerd_proxy.telemetry.labels import NoTls


@pytest.mark.parametrize(
    ("value", "escaped"), [("plain", "plain"), ('a"b', r"a\"b"), ("a\\b", r"a\\b"), ("a\nb", r"a\nb"), ('\\"', r"\\\"")]
)
def test_escape(value: str, escaped: str) -> None:
    assert labels.escape(value) == escaped


def test_empty_values_are_left_out() -> None:
    assert labels.render([("a", "1"), ("b", ""), ("c", "3")]) == 'a="1",c="3"'
    assert labels.join("", 'a="1"', "", 'b="2"') == 'a="1",b="2"'


def test_targets() -> None:
    assert labels.render(labels.target("10.0.0.1", 80)) == (
        'target_addr="10.0.0.1:80",target_ip="10.0.0.1",target_port="80"'
    )
    assert labels.target("::1", 80)[0] == ("target_addr", "[::1]:80")


@pytest.mark.parametrize(
    ("authority", "name"),
    [
        (b"web", "web"),
        (b"Web.Emojivoto:8080", "web.emojivoto"),
        (b"a.b.c.", "a.b.c"),
        (b"1.2.3.x", "1.2.3.x"),
        (b"10.0.0.1:80", ""),
        (b"[::1]:80", ""),
        (b"", ""),
        (b"a..b", ""),
        (b"with space", ""),
        (b"a\xffb", ""),
        (b"a." * 127 + b"b", ""),
        (b"a." * 100 + b"b", "a." * 100 + "b"),
        (b"x" * 64, ""),
        (b"1" * 60_000, ""),
    ],
)
def test_hostnames(authority: bytes, name: str) -> None:
    assert labels.hostname(authority) == name


def test_tls() -> None:
    assert labels.server_tls("web.ns") == [("tls", "true"), ("client_id", "web.ns")]
    assert labels.server_tls(None) == [("tls", "no_identity"), ("no_tls_reason", "no_tls_from_remote")]
    assert labels.server_tls(None, NoTls.port_skipped)[1][1] == "port_skipped"
    assert labels.client_tls("web.ns") == [("tls", "true"), ("server_id", "web.ns")]
    assert labels.client_tls(None)[1] == ("no_tls_reason", "not_provided_by_service_discovery")
    assert labels.passthrough_tls("example.com") == [("tls", "opaque"), ("sni", "example.com")]


def test_resources_and_prefixes() -> None:
    ref = ResourceRef(group="policy.linkerd.io", kind="server", name="web")
    assert labels.render(labels.resource("srv", ref, 80)) == (
        'srv_group="policy.linkerd.io",srv_kind="server",srv_name="web",srv_port="80"'
    )
    assert labels.render(labels.resource("route", ResourceRef(name="default"))) == (
        'route_kind="default",route_name="default"'
    )
    assert labels.prefixed("dst", {"pod": "web-1", "control-plane.ns": "linkerd"}) == [
        ("dst_control_plane_ns", "linkerd"),
        ("dst_pod", "web-1"),
    ]
