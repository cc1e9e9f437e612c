"""Workloads as objects."""

import functools
import sys
from pathlib import Path

import pytest

from linkerd_sandbox.testing.manifests import CALLER, Workload, command_of, objects_of


def serving() -> None:
    """A function that a pod could run."""


def test_a_function_is_run_by_its_file() -> None:
    command = command_of(serving)
    assert command[0] == sys.executable
    assert command[2:] == ("serve", str(Path(__file__)), "serving")
    assert command_of(["sleep", "1"]) == ("sleep", "1")


@pytest.mark.parametrize("run", [lambda: None, functools.partial(serving), str.upper])
def test_what_no_file_has_at_its_top_is_refused(run: object) -> None:
    with pytest.raises(ValueError, match="a plain function at the top of a module"):
        command_of(run)  # type: ignore[arg-type]


def test_objects() -> None:
    workload = Workload("shop", "web", ("python", "web.py"), 8080, 2, {"linkerd.io/inject": "enabled"})
    account, service, deployment = objects_of(workload)
    assert {obj["metadata"]["namespace"] for obj in (account, service, deployment)} == {"shop"}
    assert service["spec"] == {"selector": {"app": "web"}, "ports": [{"port": 8080}]}
    template = deployment["spec"]["template"]
    assert template["metadata"] == {"labels": {"app": "web"}, "annotations": {"linkerd.io/inject": "enabled"}}
    assert template["spec"]["serviceAccountName"] == "web"
    (container,) = template["spec"]["containers"]
    assert container["env"] == [{"name": "PORT", "value": "8080"}]
    assert container["startupProbe"]["exec"]["command"][-2:] == ["listening", "8080"]


def test_a_caller_has_no_service() -> None:
    kinds = [obj["kind"] for obj in objects_of(Workload("shop", "client", CALLER))]
    assert kinds == ["ServiceAccount", "Deployment"]
