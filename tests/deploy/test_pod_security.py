"""Control plane and viz are `restricted`, and their namespaces enforce it; meshed pods cannot be, and that is known."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.deploy.pod_security import violations
from tests.deploy.rendering import EVERYTHING, ROOT, Obj, named, rendered

GOLDEN = ROOT / "libs/rules/tests/injection/golden/pod.native.json"


def pods(what: str) -> dict[str, Obj]:
    found = {}
    for obj in rendered(what):
        template = obj.get("spec", {}).get("template", {})
        if "spec" in template:
            found[named(obj)] = template["spec"]
    return found


@pytest.mark.parametrize("what", EVERYTHING)
def test_every_pod_is_restricted(what: str) -> None:
    found = pods(what)
    assert found
    assert {name: violations(spec) for name, spec in found.items()} == {name: [] for name in found}


@pytest.mark.parametrize("what", EVERYTHING)
def test_no_pod_writes_its_root_and_all_are_probed(what: str) -> None:
    """Stricter than the standard."""
    for name, spec in pods(what).items():
        for container in spec["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True, name
            assert {"livenessProbe", "readinessProbe"} <= set(container), name
            assert {"cpu", "memory"} <= set(container["resources"]["requests"]), name


@pytest.mark.parametrize("what", EVERYTHING)
def test_the_namespace_enforces_it(what: str) -> None:
    (namespace,) = (obj for obj in rendered(what) if obj["kind"] == "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_a_meshed_pod_is_not_even_baseline() -> None:
    """Why docs/operations.md says so: the init container adds capabilities.

    The rest that is injected is restricted, but for dropping those that the application does not drop (as Linkerd).
    """
    spec = json.loads(GOLDEN.read_text())["spec"]
    ours = [line for line in violations(spec) if "linkerd" in line]
    assert [line for line in ours if not line.endswith("capabilities.drop: not ALL")] == [
        "initContainers[linkerd-init].securityContext.capabilities.add: NET_ADMIN, NET_RAW"
    ]


def fine() -> Obj:
    return {
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "volumes": [{"name": "v", "emptyDir": {}}],
        "containers": [
            {
                "name": "c",
                "ports": [{"containerPort": 80}],
                "livenessProbe": {"httpGet": {"port": 80}},
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
    }


def test_a_pod_that_is_fine() -> None:
    assert violations(fine()) == []


def within(path: str, value: Any) -> Callable[[Obj], None]:
    def change(spec: Obj) -> None:
        *keys, last = path.split(".")
        node: Any = spec
        for key in keys:
            node = node[int(key)] if key.isdigit() else node.setdefault(key, {})
        node[last] = value

    return change


C = "containers.0"
S = f"{C}.securityContext"


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("hostNetwork", True, "hostNetwork: true"),
        ("hostPID", True, "hostPID: true"),
        ("hostIPC", True, "hostIPC: true"),
        ("volumes", [{"name": "v", "hostPath": {"path": "/"}}], "volumes[v]: hostPath"),
        ("volumes", [{"name": "v", "nfs": {}}], "volumes[v]: nfs"),
        ("securityContext.sysctls", [{"name": "kernel.msgmax"}], "securityContext.sysctls: kernel.msgmax"),
        ("securityContext.runAsUser", 0, "securityContext.runAsUser: 0"),
        ("securityContext.windowsOptions", {"hostProcess": True}, "securityContext.windowsOptions.hostProcess: true"),
        ("securityContext.seccompProfile", {"type": "Unconfined"}, "securityContext.seccompProfile: Unconfined"),
        ("securityContext.seLinuxOptions", {"type": "spc_t"}, "securityContext.seLinuxOptions.type: spc_t"),
        (f"{S}.seLinuxOptions", {"role": "r"}, "containers[c].securityContext.seLinuxOptions.role: r"),
        (f"{S}.appArmorProfile", {"type": "Unconfined"}, "containers[c].securityContext.appArmorProfile: Unconfined"),
        (f"{S}.privileged", True, "containers[c].securityContext.privileged: true"),
        (f"{S}.procMount", "Unmasked", "containers[c].securityContext.procMount: Unmasked"),
        (f"{S}.allowPrivilegeEscalation", None, "containers[c].securityContext.allowPrivilegeEscalation: not false"),
        (f"{S}.runAsNonRoot", False, "containers[c].securityContext.runAsNonRoot: not true"),
        (f"{S}.runAsUser", 0, "containers[c].securityContext.runAsUser: 0"),
        (f"{S}.capabilities.drop", ["NET_RAW"], "containers[c].securityContext.capabilities.drop: not ALL"),
        (f"{S}.capabilities.add", ["CHOWN"], "containers[c].securityContext.capabilities.add: CHOWN"),
        (f"{C}.ports", [{"containerPort": 80, "hostPort": 80}], "containers[c].ports: hostPort 80"),
        (f"{C}.livenessProbe", {"tcpSocket": {"host": "1.2.3.4"}}, "containers[c].livenessProbe: host"),
        (f"{C}.lifecycle", {"preStop": {"httpGet": {"host": "h"}}}, "containers[c].preStop: host"),
    ],
)
def test_what_breaks_the_standard_is_found(path: str, value: Any, told: str) -> None:
    spec = copy.deepcopy(fine())
    within(path, value)(spec)
    assert violations(spec) == [told]


def test_a_profile_that_nobody_set_is_found() -> None:
    spec = fine()
    del spec["securityContext"]["seccompProfile"]
    assert violations(spec) == ["containers[c].securityContext.seccompProfile: not set"]
