"""The modes of a normal user, for real: as an account of this machine that is not root.

Where no account has subordinate ids, `nobody` gets some in a mount namespace of its own: files over /etc/subuid and
/etc/subgid that nobody else sees. Where there is no Python that the account may run, the test is skipped and says so.
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
    """One with subordinate ids for `user` where there is one, else nobody. Skips where newuidmap is missing."""
    lines = Path("/etc/subuid").read_text().splitlines() if Path("/etc/subuid").exists() else []
    mapped = {line.split(":")[0] for line in lines}
    everyone = [one for one in pwd.getpwall() if one.pw_uid]
    with_range = [one for one in everyone if one.pw_name in mapped or str(one.pw_uid) in mapped]
    if mode == "user":
        if shutil.which("newuidmap") is None:
            pytest.skip("mode user not tested: newuidmap is missing (sudo apt-get install uidmap)")
        if with_range:
            return with_range[0]
    return next(one for one in everyone if one not in with_range and one.pw_name == "nobody")


def lend_ids(home: Path, who: pwd.struct_passwd) -> list[str]:
    """What comes before a command so that the account has subordinate ids, which the machine does not know of."""
    mounts = []
    for name in ("subuid", "subgid"):
        (home / name).write_text(f"{who.pw_name}:100000:65536\n")
        mounts.append(f"touch /etc/{name} && mount --bind {home / name} /etc/{name}")
    script = f'{" && ".join(mounts)} && exec "$@"'
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]


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
    lent = lend_ids(home, who) if request.param == "user" and who.pw_name == "nobody" else []
    sandbox = Sandbox(home / "state", [*lent, *setpriv, python_for(setpriv)])
    sandbox.env |= {"HOME": str(home), "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    sandbox.env["PYTHONDONTWRITEBYTECODE"] = "1"
    result = sandbox.run("up", "--wait", "--ip-family", "dual", check=False)
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
    script = "id -u; curl -sS -m 30 -o /dev/null -w '%{http_code}\\n' http://web/"
    sandbox.apply(pod("client", container("c", script, securityContext={"runAsUser": 2102}), restartPolicy="Never"))
    until(lambda: sandbox.get("pod", "client")["status"]["phase"] == "Succeeded", 60, "client ends well")
    assert sandbox.logs("client").split() == ["2102" if mode == "user" else "0", "200"]
    assert sandbox.kubectl("exec", "deploy/web", "--", "id", "-u").stdout == "0\n"
    _, six = [one["ip"] for one in sandbox.get("pod", "client")["status"]["podIPs"]]
    assert six.startswith("fd00:10:42::")
    name = sandbox.kubectl("get", "pods", "-l", "app=web", "-o", "name").stdout.strip()
    source = sandbox.directory.parent / "file"
    source.write_text("content\n")
    os.chown(source, 1000, 1000)  # whose it is means nothing where one id is all that there is
    sandbox.kubectl("cp", str(source), f"{name.removeprefix('pod/')}:/tmp/copied")
    assert sandbox.kubectl("exec", name, "--", "cat", "/tmp/copied").stdout == "content\n"
    for fault in (("delay", "100"), ("loss", "1"), ("partition",), ("pause",), ("heal",)):
        sandbox.run("chaos", fault[0], name, *fault[1:])
    typed = sandbox.kubectl("run", "tty", "-i", "--rm", "--restart=Never", "--image=busybox", "--", "cat", stdin="x\n")
    assert "x\n" in typed.stdout
    until(lambda: host_view() <= before, 60, "nothing is left on the host")
    sandbox.run("down")
    assert members("net", namespace) == []
