"""The command line: Linkerd's arguments in Go's syntax, bad ones named with exit 64."""

from ipaddress import ip_network

import pytest

from linkerd_proxy_init.arguments import parse

INJECTED = [
    "--firewall-bin-path",
    "iptables-nft",
    "--firewall-save-bin-path",
    "iptables-nft-save",
    "--ipv6=false",
    "--incoming-proxy-port",
    "4143",
    "--outgoing-proxy-port",
    "4140",
    "--proxy-uid",
    "2102",
    "--inbound-ports-to-ignore",
    "4190,4191,4567-4568",
    "--outbound-ports-to-ignore",
    "4567,4568",
    "--subnets-to-ignore",
    "10.0.0.0/8, fd00::/8",
    "--timeout-close-wait-secs",
    "3600",
    "--log-format",
    "json",
    "--log-level",
    "info",
]


def test_what_the_injector_writes() -> None:
    arguments = parse(INJECTED)
    rules = arguments.rules
    assert (arguments.firewall, arguments.save, arguments.ipv6) == ("iptables-nft", "iptables-nft-save", False)
    assert (rules.proxy_uid, rules.proxy_gid, rules.proxy_mark) == (2102, None, None)
    assert rules.inbound_ports_to_ignore == ((4190, 4190), (4191, 4191), (4567, 4568))
    assert rules.subnets_to_ignore == (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
    assert arguments.close_wait_seconds == 3600
    assert not arguments.simulate


def test_defaults() -> None:
    arguments = parse([])
    assert (arguments.ipv6, arguments.firewall, arguments.rules.proxy_uid) == (True, "iptables", None)
    assert arguments.rules.outbound_ports_to_ignore == ()


def test_gos_booleans_and_ours() -> None:
    assert parse(["--simulate", "--ipv6"]).simulate
    assert parse(["--ipv6=true", "-w"]).wait
    assert parse(["--proxy-mark", "0x1002"]).rules.proxy_mark == 0x1002
    assert parse(["-r", "80,443"]).rules.ports_to_redirect == (80, 443)


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        (["--inbound-ports-to-ignore", "90-80"], "90-80"),
        (["--incoming-proxy-port", "70000"], "70000"),
        (["--ipv6=maybe"], "maybe"),
        (["--subnets-to-ignore", "10.0.0.1/8"], "10.0.0.1/8"),
        (["--proxy-mark", "0"], "mark"),
        (["--no-such"], "no-such"),
    ],
)
def test_bad_arguments(argv: list[str], named: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        parse(argv)
    assert stopped.value.code == 64
    assert named in capsys.readouterr().err
