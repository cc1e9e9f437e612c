"""The objects of a workload under test. PURE."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.testing import runner

IMAGE = "linkerd-sandbox.test/python:1"
"""The tests' own Python and project."""
Run = Callable[[], object] | Sequence[str]
_RUNNER = str(Path(runner.__file__).resolve())


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment with a ServiceAccount of its name, and a Service where it has a port."""

    namespace: str
    name: str
    command: tuple[str, ...]
    port: int | None = None
    replicas: int = 1
    annotations: dict[str, str] = field(default_factory=dict)
    """Of its pods."""


def command_of(run: Run) -> tuple[str, ...]:
    """The command that runs a function of a module (by its file), or the command itself. Raises ValueError."""
    if not callable(run):
        return tuple(run)
    code = getattr(run, "__code__", None)
    name = getattr(run, "__qualname__", "")
    if code is None or not name.isidentifier() or name == "<lambda>":
        raise ValueError(f"{run!r}: a pod runs a plain function at the top of a module, or a command")
    return (sys.executable, _RUNNER, "serve", code.co_filename, name)


CALLER = (sys.executable, _RUNNER, "call")


def namespace(name: str) -> JsonObject:
    """A Namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def objects_of(workload: Workload) -> list[JsonObject]:
    """To be applied."""
    metadata = {"name": workload.name, "namespace": workload.namespace}
    account: JsonObject = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    deployment: JsonObject = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "replicas": workload.replicas,
            "selector": {"matchLabels": {"app": workload.name}},
            "template": {
                "metadata": {"labels": {"app": workload.name}, "annotations": workload.annotations},
                "spec": {"serviceAccountName": workload.name, "containers": [_container(workload)]},
            },
        },
    }
    if workload.port is None:
        return [account, deployment]
    service: JsonObject = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"selector": {"app": workload.name}, "ports": [{"port": workload.port}]},
    }
    return [account, service, deployment]


def _container(workload: Workload) -> JsonObject:
    container: JsonObject = {"name": "app", "image": IMAGE, "command": list(workload.command)}
    listens = workload.port or runner.CALL_PORT
    probe = [sys.executable, "-S", _RUNNER, "listening", str(listens)]
    container["startupProbe"] = {"exec": {"command": probe}, "periodSeconds": 1, "failureThreshold": 60}
    if workload.port is not None:
        container["env"] = [{"name": "PORT", "value": str(workload.port)}]
        container["ports"] = [{"containerPort": workload.port}]
    return container
