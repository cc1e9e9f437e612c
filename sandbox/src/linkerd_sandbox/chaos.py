"""`linkerd sandbox chaos`: faults for one pod, from the host.

A pod's processes are those whose network namespace has its address. Signals go to them; faults of the network are rules
in that namespace, entered with nsenter, and go with the pod.
"""

import json
import os
import shutil
import signal
import ssl
import subprocess
import urllib.error
import urllib.request
from base64 import b64decode
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Final

from linkerd_sandbox.procs import tree

_SIGNALS: Final = {"kill": signal.SIGKILL, "pause": signal.SIGSTOP, "resume": signal.SIGCONT}
_TABLE: Final = "inet linkerd_sandbox_chaos"
_CUT: Final = f"""add table {_TABLE}
delete table {_TABLE}
table {_TABLE} {{
  chain input {{ type filter hook input priority -300; iif != "lo" drop; }}
  chain output {{ type filter hook output priority -300; oif != "lo" drop; }}
}}
"""


class ChaosFailed(Exception):
    """One line for people."""


def pod_ip(kubeconfig: Path, namespace: str, pod: str) -> str:
    """Raises ChaosFailed."""
    document = json.loads(kubeconfig.read_text())
    cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
    context = ssl.create_default_context(cadata=b64decode(cluster["certificate-authority-data"]).decode())
    url = f"{cluster['server']}/api/v1/namespaces/{namespace}/pods/{pod}"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {user['token']}"})
    try:
        with urllib.request.urlopen(request, context=context, timeout=10) as answer:
            found = json.load(answer)
    except urllib.error.HTTPError as error:
        raise ChaosFailed(f'pod "{pod}" in namespace "{namespace}": {error.reason}') from None
    address = found.get("status", {}).get("podIP")
    if not address:
        raise ChaosFailed(f'pod "{pod}" has no address yet')
    return str(address)


def has_address(fib_trie: str, address: str) -> bool:
    """Whether a routing table (/proc/PID/net/fib_trie) has this address as a local one. PURE."""
    lines = fib_trie.splitlines()
    return any(line.strip() == f"|-- {address}" and "host LOCAL" in following for line, following in pairwise(lines))


def processes(root: int, address: str) -> list[int]:
    """The pod's processes, below the sandbox's first one. Raises ChaosFailed."""
    found: list[int] = []
    for pid in tree(root):
        try:
            if has_address(Path(f"/proc/{pid}/net/fib_trie").read_text(), address):
                found.append(pid)
        except OSError:
            continue
    if not found:
        raise ChaosFailed(f"no process runs at {address}")
    return found


def run(action: str, amount: str, pids: list[int], environ: Mapping[str, str]) -> None:
    """Does it. Raises ChaosFailed."""
    if action in _SIGNALS:
        for pid in pids:
            try:
                os.kill(pid, _SIGNALS[action])
            except ProcessLookupError:
                continue
        return
    shaper = ["tc", "qdisc", "replace", "dev", "eth0", "root", "netem"]
    match action:
        case "partition":
            _inside(pids[0], ["nft", "-f", "-"], environ, _CUT)
        case "delay":
            _inside(pids[0], [*shaper, "delay", _number(action, amount, "milliseconds", 60_000) + "ms"], environ)
        case "loss":
            _inside(pids[0], [*shaper, "loss", _number(action, amount, "percent", 100) + "%"], environ)
        case _:
            _inside(pids[0], ["nft", "-f", "-"], environ, f"add table {_TABLE}\ndelete table {_TABLE}\n")
            _inside(pids[0], ["tc", "qdisc", "del", "dev", "eth0", "root"], environ, check=False)
            run("resume", "", pids, environ)


def _number(action: str, text: str, unit: str, most: int) -> str:
    if not text.isdigit() or int(text) > most:
        raise ChaosFailed(f"{action}: how many {unit}? A number of at most {most}")
    return text


def _inside(pid: int, command: list[str], environ: Mapping[str, str], text: str = "", *, check: bool = True) -> None:
    path = f"{environ.get('PATH', '/usr/bin:/bin')}:/usr/sbin:/sbin"
    tool = shutil.which(command[0], path=path)
    nsenter = shutil.which("nsenter", path=path)
    if tool is None or nsenter is None:
        package = {"nft": "nftables", "tc": "iproute2"}[command[0]] if tool is None else "util-linux"
        raise ChaosFailed(
            f"{command[0] if tool is None else 'nsenter'} is not installed: sudo apt-get install {package}"
        )
    enter = [nsenter, "-t", str(pid), "-n"]
    if os.getuid() != 0:
        enter += ["-U", "--preserve-credentials"]
    done = subprocess.run([*enter, tool, *command[1:]], input=text, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise ChaosFailed(f"{command[0]}: {' '.join(done.stderr.split())}")
