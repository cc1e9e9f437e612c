"""The program: exit codes and what it says."""

import json
import subprocess
import sys

import pytest

from linkerd_proxy_init.__main__ import main


def test_simulate(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--simulate", "--proxy-uid=2102", "--ipv6=false"]) == 0
    assert "-A PROXY_INIT_OUTPUT -m owner --uid-owner 2102 -j RETURN" in capsys.readouterr().out


def test_failure_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--firewall-bin-path=iptables-nowhere", "--log-format=json"]) == 1
    line = json.loads(capsys.readouterr().err)
    assert line["level"] == "error"
    assert "iptables-nowhere" in line["msg"]


def test_it_starts_lean() -> None:
    """Twelve init steps run at once when a demo starts: no event loop, no TLS, no HTTP."""
    script = (
        "import sys, linkerd_proxy_init.__main__\n"
        "heavy = {'asyncio', 'aiohttp', 'ssl', 'linkerd_proxy', 'msgspec'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
