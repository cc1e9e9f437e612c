"""nft rules of virtual ports; nft itself reads them in a namespace of its own."""

import shutil
import subprocess

import pytest

from linkerd_sandbox.net.rules import Names, chain_name, families, names, render
from linkerd_sandbox.net.services import VirtualPort

IPV4, IPV6 = families(["10.43.0.0/16", "fd00:10:43::/112"], ["10.43.0.10", "fd00:10:43::a"])
PORTS = [
    VirtualPort("10.43.0.16", "tcp", 80, "a", (("10.42.0.2", 8080), ("10.42.0.3", 8080))),
    VirtualPort("10.43.0.17", "udp", 53, "b", (("10.42.0.2", 5353),)),
    VirtualPort("10.43.0.18", "tcp", 80, "c", ()),
    VirtualPort("10.43.0.10", "udp", 53, "dns", ()),
    VirtualPort("10.43.0.19", "tcp", 80, "d", (("10.42.0.2", 8080), ("10.42.0.3", 8080)), 60),
    VirtualPort("fd00:10:43::10", "tcp", 80, "a", (("fd00:10:42::2", 8080), ("fd00:10:42::3", 8080))),
    VirtualPort("fd00:10:43::11", "tcp", 80, "b", (("fd00:10:42::2", 8080),)),
    VirtualPort("fd00:10:43::12", "tcp", 80, "c", (("fd00:10:42::2", 80), ("fd00:10:42::3", 80)), 60),
]


def test_the_script_says_what_it_should() -> None:
    text = render(PORTS, IPV4)
    assert text.startswith("add table ip linkerd_sandbox\ndelete table ip linkerd_sandbox\n"), "one transaction"
    assert "numgen random mod 2 map { 0 : 10.42.0.2 . 8080, 1 : 10.42.0.3 . 8080 }" in text
    assert "meta l4proto udp dnat ip to 10.42.0.2:5353" in text
    assert "10.43.0.16 . tcp . 80 : goto svc_10_43_0_16_tcp_80" in text
    assert "10.42.0.2 . 10.42.0.2" in text
    empty = text[text.index("set empty") : text.index("set hairpin")]
    assert "10.43.0.18 . tcp . 80" in empty
    assert "10.43.0.10" not in empty, "the node answers it"
    assert "fd00" not in text
    assert "dnat ip6 to [fd00:10:42::2]:8080" in render(PORTS, IPV6)


def test_clients_outlive_a_replacement_and_end_with_their_endpoint() -> None:
    gone = [one for one in PORTS if one.name != "d"]
    text = render(gone, IPV4, names(port for port in PORTS if port.family == "IPv4"))
    assert "delete table" not in text
    assert "delete set ip linkerd_sandbox aff_10_43_0_19_tcp_80_10_42_0_2_8080" in text
    assert "delete chain ip linkerd_sandbox svc_10_43_0_19_tcp_80\n" in text
    assert "delete" not in render(PORTS, IPV4, names(port for port in PORTS if port.family == "IPv4"))


def test_names_fit_nft() -> None:
    assert chain_name(VirtualPort("10.43.255.255", "tcp", 65535, "x", ())) == "svc_10_43_255_255_tcp_65535"


def scripts() -> list[str]:
    """First, again, less, nothing, everything."""
    found: list[str] = []
    before: dict[str, Names] = {}
    for ports in (PORTS, PORTS, [one for one in PORTS if one.name in "ab"], [], PORTS):
        found.append("".join(render(ports, family, before.get(family.name)) for family in (IPV4, IPV6)))
        for family in (IPV4, IPV6):
            before[family.name] = names(
                port for port in ports if port.family == family.name and port.address not in family.local
            )
    return found


@pytest.mark.root
def test_nft_accepts_every_step() -> None:
    nft = shutil.which("nft", path="/usr/sbin:/usr/bin")
    if nft is None:
        pytest.skip("nft is not installed")
    remember = "add element ip linkerd_sandbox aff_10_43_0_19_tcp_80_10_42_0_2_8080 { 10.42.0.9 timeout 60s }\n"
    steps = scripts()
    fed = "".join(f"{nft} -f - <<EOF\n{text}EOF\n" for text in [steps[0] + remember, steps[1]])
    kept = f"{nft} list set ip linkerd_sandbox aff_10_43_0_19_tcp_80_10_42_0_2_8080\n"
    rest = "".join(f"{nft} -f - <<EOF\n{text}EOF\n" for text in steps[2:])
    script = f"set -e\n{fed}{kept}{rest}{nft} list ruleset"
    loaded = subprocess.run(
        ["unshare", "--net", "--map-root-user", "sh", "-c", script], capture_output=True, text=True, check=False
    )
    if "unshare" in loaded.stderr:
        pytest.skip(loaded.stderr.strip())
    assert loaded.returncode == 0, loaded.stderr
    assert "10.42.0.9 timeout 1m" in loaded.stdout, "a client is not forgotten when the rules are replaced"
    assert loaded.stdout.count("table ip linkerd_sandbox {") == 2, "the list of one set, and the ruleset"
