"""Applying: in a network namespace of the test's own, twice, with the programs that are there."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from linkerd_proxy_init.apply import SEARCH_PATH, ApplyError, programs, simulate
from linkerd_proxy_init.arguments import parse

UNSHARE = ["unshare", "--user", "--map-root-user", "--net"]


@pytest.fixture(autouse=True)
def fixture_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own lock of iptables-legacy is root's, and so are the rules that it is for."""
    monkeypatch.setenv("XTABLES_LOCKFILE", str(tmp_path / "lock"))


def in_namespace(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*UNSHARE, "sh", "-ec", script], capture_output=True, text=True, timeout=60, check=False)


def init(*arguments: str) -> str:
    return " ".join([sys.executable, "-m", "linkerd_proxy_init", *arguments])


def rules_of(saved: str) -> list[str]:
    return [line for line in saved.splitlines() if line.startswith("-A")]


def needs(*names: str) -> None:
    missing = [name for name in names if shutil.which(name, path=SEARCH_PATH) is None]
    if missing or in_namespace("true").returncode != 0:
        pytest.skip(f"missing: {', '.join(missing) or 'user namespaces'}")


@pytest.mark.root
@pytest.mark.parametrize("flavour", ["iptables-nft", "iptables-legacy"])
def test_applying_twice_is_applying_once(flavour: str) -> None:
    needs(flavour, f"{flavour}-save")
    arguments = [f"--firewall-bin-path={flavour}", f"--firewall-save-bin-path={flavour}-save", "--proxy-mark=0x1002"]
    once = init(*arguments, "--ipv6=false", "--inbound-ports-to-ignore=4190,4191")
    save = f"PATH={SEARCH_PATH}; {flavour}-save -t nat"
    first = in_namespace(f"{once}; {save}")
    if first.returncode != 0 and "legacy" in flavour and "initialize" in first.stderr:
        pytest.skip(f"the kernel has no legacy tables here: {first.stderr}")
    assert first.returncode == 0, first.stderr
    twice = in_namespace(f"{once}; {once}; {save}")
    assert twice.returncode == 0, twice.stderr
    assert rules_of(first.stdout) == rules_of(twice.stdout)
    assert len(rules_of(first.stdout)) == 7
    # Other arguments later replace what was there.
    changed = in_namespace(f"{once}; {init(*arguments, '--ipv6=false', '--incoming-proxy-port=5143')}; {save}")
    assert "4143" not in changed.stdout
    assert len(rules_of(changed.stdout)) == 6


@pytest.mark.root
def test_ipv6() -> None:
    needs("ip6tables-nft")
    arguments = "--firewall-bin-path=iptables-nft", "--firewall-save-bin-path=iptables-nft-save", "--proxy-mark=1"
    done = in_namespace(f"{init(*arguments, '--ipv6')}; PATH={SEARCH_PATH}; ip6tables-nft-save -t nat")
    assert done.returncode == 0, done.stderr
    assert len(rules_of(done.stdout)) == 6


def test_a_missing_program_is_named() -> None:
    with pytest.raises(ApplyError, match="iptables-nowhere"):
        programs(parse(["--firewall-bin-path=iptables-nowhere"]), 4)


def test_simulate() -> None:
    text = simulate(parse(["--simulate", "--firewall-bin-path=iptables-nft"]))
    assert text.startswith("# iptables-nft-restore --noflush\n*nat\n")
    assert "# ip6tables-nft-restore --noflush\n*nat\n" in text
    assert "ip6tables" not in simulate(parse(["--simulate", "--ipv6=false"]))
