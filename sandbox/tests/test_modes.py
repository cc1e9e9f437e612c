"""The modes of a normal user, for real: as an account of this machine that is not root.

Where the machine has no such account, or no Python that it may run, the test is skipped and says what is missing.
"""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sandbox.tests.sandboxes import Sandbox, container, host_view, members, pod, until, web

pytestmark = pytest.mark.root


def account(mode: str) -> pwd.struct_passwd:
    """`user` needs subordinate ids and newuidmap; any other account has one uid only. Skips where there is none."""
    lines = Path("/etc/subuid").read_text().splitlines() if Path("/etc/subuid").exists() else []
    mapped = {line.split(":")[0] for line in lines}
    everyone = [one for one in pwd.getpwall() if one.pw_uid]
    with_range = [one for one in everyone if one.pw_name in mapped or str(one.pw_uid) in mapped]
    if mode == "user":
        if shutil.which("newuidmap") is None:
            pytest.skip("mode user not tested: newuidmap is missing (sudo apt-get install uidmap)")
        if not with_range:
            pytest.skip("mode user not tested: no account with a range in /etc/subuid (sudo useradd -m dev)")
        return with_range[0]
    return next(one for one in everyone if one not in with_range and one.pw_name == "nobody")


def python_for(setpriv: list[str]) -> str:
    """A Python of our version that the account may run; skips where there is none."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    check = "import subprocess, sys, ssl; subprocess.run([sys.executable, '-c', ''], check=True)"
    for path in (f"/usr/bin/{name}", f"/usr/local/bin/{name}", sys.executable):
        if Path(path).exists():
            done = subprocess.run([*setpriv, path, "-c", check], capture_output=True, check=False)
            if done.returncode == 0:
                return path
    pytest.skip(f"not tested: this account may not run {sys.executable}, and there is no other {name}")


@pytest.fixture(params=["user", "one-uid"])
def unprivileged(request: pytest.FixtureRequest) -> Iterator[tuple[str, Sandbox]]:
    if os.getuid() != 0:
        pytest.skip("only root can become another account; test_supervisor has tested this account's own mode")
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is missing (sudo apt-get install util-linux)")
    who = account(request.param)
    setpriv = ["setpriv", f"--reuid={who.pw_uid}", f"--regid={who.pw_gid}", "--clear-groups"]
    home = Path(tempfile.mkdtemp(prefix="sandbox-mode-", dir="/tmp"))
    os.chown(home, who.pw_uid, who.pw_gid)
    sandbox = Sandbox(home / "state", [*setpriv, python_for(setpriv)])
    sandbox.env |= {"HOME": str(home), "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    sandbox.env["PYTHONDONTWRITEBYTECODE"] = "1"
    result = sandbox.run("up", "--wait", check=False)
    if result.returncode and ("forbids" in result.stderr or "user namespaces" in result.stderr):
        pytest.skip(f"mode {request.param} not tested: {result.stderr.strip()}")
    assert result.returncode == 0, result.stderr
    yield request.param, sandbox
    sandbox.run("down")
    shutil.rmtree(home)


def test_a_normal_user_has_a_whole_cluster(unprivileged: tuple[str, Sandbox]) -> None:
    mode, sandbox = unprivileged
    before = host_view()
    assert f"mode        {mode} " in sandbox.run("status").stdout
    namespace = str(Path(f"/proc/{sandbox.pid}/ns/net").readlink())
    sandbox.apply(web(1))
    sandbox.wait("condition=Available", "deployment/web")
    script = "id -u; curl -sS -m 5 -o /dev/null -w '%{http_code}\\n' http://web/"
    sandbox.apply(pod("client", container("c", script, securityContext={"runAsUser": 2102}), restartPolicy="Never"))
    until(lambda: sandbox.get("pod", "client")["status"]["phase"] == "Succeeded", 30, "client ends well")
    assert sandbox.logs("client").split() == ["2102" if mode == "user" else "0", "200"]
    assert sandbox.kubectl("exec", "deploy/web", "--", "id", "-u").stdout == "0\n"
    assert host_view() == before
    sandbox.run("down")
    assert members("net", namespace) == []
