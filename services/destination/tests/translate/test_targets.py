"""What proxies may ask for."""

import pytest

from linkerd_destination.translate.targets import AddressTarget, NoAnswer, ServiceTarget, parse_target, service_target


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("10.0.0.1:80", AddressTarget("10.0.0.1", 80)),
        ("[fd00:0::1]:80", AddressTarget("fd00::1", 80)),
        ("web-svc.emojivoto.svc.cluster.local:80", ServiceTarget("emojivoto", "web-svc", 80)),
        ("Web-Svc.Emojivoto.svc.cluster.local.:80", ServiceTarget("emojivoto", "web-svc", 80)),
        ("db-0.db.ns.svc.cluster.local:5432", ServiceTarget("ns", "db", 5432, "db-0")),
    ],
)
def test_targets(target: str, expected: AddressTarget | ServiceTarget) -> None:
    assert parse_target(target, "cluster.local") == expected


@pytest.mark.parametrize(
    "target",
    [
        "",
        ":80",
        "web",
        "10.0.0.1",
        "10.0.0.1:0",
        "10.0.0.1:65536",
        "10.0.0.1:x",
        "10.0.0.1:٣",
        "example.com:443",
        "svc.cluster.local:80",
        "web.svc.cluster.local:80",
        "a.b.c.d.svc.cluster.local:80",
        ".ns.svc.cluster.local:80",
        "web.ns.svc.other.domain:80",
    ],
)
def test_what_never_has_an_answer(target: str) -> None:
    with pytest.raises(NoAnswer) as error:
        parse_target(target, "cluster.local")
    assert error.value.error.code.value == "invalidTarget"
    assert not error.value.error.retryable


def test_addresses_are_written_as_the_contract_says() -> None:
    assert str(AddressTarget("10.0.0.1", 80)) == "10.0.0.1:80"
    assert str(AddressTarget("fd00::1", 80)) == "[fd00::1]:80"


@pytest.mark.parametrize(
    ("host", "target"),
    [
        ("web", "web.ns.svc.cluster.local:80"),
        ("web.other", "web.other.svc.cluster.local:80"),
        ("web.other.svc", "web.other.svc.cluster.local:80"),
        ("web.other.svc.cluster.local.", "web.other.svc.cluster.local:80"),
        ("10.0.0.1", "10.0.0.1:80"),
        ("::1", "[::1]:80"),
        ("www.example.com", "www.example.com:80"),
    ],
)
def test_names_as_cluster_dns_completes_them(host: str, target: str) -> None:
    assert service_target(host, 80, "ns", "cluster.local") == target
