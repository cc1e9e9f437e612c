"""Sandboxes for tests: started in a folder of their own, driven through the command line, always stopped."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from linkerd_kube.objects import JsonObject


class Sandbox:
    """One sandbox in one directory."""

    def __init__(self, directory: Path, command: Sequence[str] = (sys.executable,)) -> None:
        self.directory = directory
        self._command = list(command)
        """Python, and what changes the user before it."""
        self.env = dict(os.environ) | {"LINKERD_SANDBOX_DIR": str(directory)}
        self.env.pop("PYTHONDONTWRITEBYTECODE", None)  # every command would compile what it imports
        self._kubectl = shutil.which("kubectl")

    def run(
        self, *arguments: str, stdin: str = "", check: bool = True, env: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        return self._run([*self._command, "-m", "linkerd_sandbox", *arguments], stdin, check, env or {})

    def kubectl(self, *arguments: str, stdin: str = "", check: bool = True) -> "subprocess.CompletedProcess[str]":
        """The user's kubectl, without our command before it; the stand-in where there is none."""
        if self._kubectl is None:
            return self.run("kubectl", *arguments, stdin=stdin, check=check)
        env = {"KUBECONFIG": str(self.directory / "kubeconfig")}
        return self._run([self._kubectl, *arguments], stdin, check, env)

    def _run(
        self, command: list[str], stdin: str, check: bool, env: Mapping[str, str]
    ) -> "subprocess.CompletedProcess[str]":
        result = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
            env=self.env | dict(env),
        )
        if check and result.returncode:
            raise AssertionError(f"{command}: exit {result.returncode}\n{result.stdout}{result.stderr}\n{self.log}")
        return result

    @property
    def log(self) -> str:
        path = self.directory / "supervisor.log"
        return path.read_text() if path.exists() else ""

    @property
    def pid(self) -> int:
        return int(json.loads((self.directory / "state.json").read_text())["pid"])

    def apply(self, manifest: JsonObject | list[JsonObject]) -> None:
        items = manifest if isinstance(manifest, list) else [manifest]
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
        self.kubectl("apply", "-f", "-", stdin=text)

    def get(self, kind: str, name: str, namespace: str = "default") -> JsonObject:
        result = self.kubectl("get", kind, name, "-n", namespace, "-o", "json")
        found: JsonObject = json.loads(result.stdout)
        return found

    def logs(self, pod: str, container: str = "", *more: str) -> str:
        chosen = ["-c", container] if container else []
        return self.kubectl("logs", pod, *chosen, *more).stdout

    def wait(self, condition: str, target: str, timeout: str = "120s") -> None:
        self.kubectl("wait", f"--for={condition}", f"--timeout={timeout}", target)


def started(directory: Path, *options: str) -> Sandbox:
    sandbox = Sandbox(directory)
    result = sandbox.run("up", "--wait", *options, check=False)
    if result.returncode and ("run as root" in result.stderr or "forbids" in result.stderr):
        pytest.skip(f"this machine does not let us make namespaces: {result.stderr.strip()}")
    assert result.returncode == 0, result.stderr
    return sandbox


def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Waits for a condition. Raises AssertionError when the time is over."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.05)


def members(namespace_kind: str, inode: str) -> list[int]:
    """Processes in a namespace."""
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if str((path / "ns" / namespace_kind).readlink()) == inode:
                found.append(int(path.name))
        except OSError:
            continue
    return found


def host_view() -> set[str]:
    """What a sandbox must not add to: mounts, links, packet rules (without the counters of those that are there)."""
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    links = [line.split(":")[0] for line in Path("/proc/self/net/dev").read_text().splitlines()[2:]]
    command = ["/usr/sbin/nft", "--stateless", "list", "ruleset"]
    rules = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    return {*mounts, *links, *rules}


def container(name: str, script: str, **more: object) -> JsonObject:
    """A container that runs a shell script."""
    return {"name": name, "image": "sandbox/tools", "command": ["sh", "-c", script], **more}


def pod(name: str, *containers: JsonObject, **spec: object) -> JsonObject:
    """A pod that does not keep its deleter waiting."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": list(containers), **spec},
    }


SERVE = "exec python3 -m http.server 8080"


def web(replicas: int = 2) -> list[JsonObject]:
    """A Deployment of web servers, a Service and a headless Service before it."""
    server = {
        "name": "web",
        "image": "python:3.11",
        "command": ["sh", "-c", SERVE],
        "ports": [{"containerPort": 8080, "name": "http"}],
        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1},
    }
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [server]},
    }
    port = {"name": "http", "port": 80, "targetPort": "http"}
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web"},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template},
        },
        service("web", {"selector": {"app": "web"}, "ports": [port]}),
        service("peers", {"selector": {"app": "web"}, "clusterIP": "None", "ports": [{"name": "http", "port": 8080}]}),
        service("nobody", {"selector": {"app": "nobody"}, "ports": [{"port": 80}]}),
    ]


def service(name: str, spec: JsonObject) -> JsonObject:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}
