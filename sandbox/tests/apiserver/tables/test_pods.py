"""The columns of `kubectl get pods`."""

from typing import Any

import pytest

from linkerd_sandbox.apiserver.tables import pods

NOW = 1_700_000_000.0


def _pod(
    containers: dict[str, dict[str, Any]] | None = None,
    inits: dict[str, dict[str, Any]] | None = None,
    phase: str = "Running",
    conditions: dict[str, str] | None = None,
    **meta: Any,
) -> dict[str, Any]:
    def specs(found: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
        return [{"name": name, **item.get("spec", {})} for name, item in found.items()]

    def statuses(found: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
        return [{"name": name, **{k: v for k, v in item.items() if k != "spec"}} for name, item in found.items()]

    return {
        "metadata": meta,
        "spec": {"containers": specs(containers or {}), "initContainers": specs(inits or {})},
        "status": {
            "phase": phase,
            "conditions": [{"type": key, "status": value} for key, value in (conditions or {}).items()],
            "containerStatuses": statuses(containers or {}),
            "initContainerStatuses": statuses(inits or {}),
        },
    }


RUNNING = {"ready": True, "state": {"running": {}}}
ENDED = {"ready": False, "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}
WAITING = {"state": {"waiting": {"reason": "PodInitializing"}}}
SIDECAR = {"spec": {"restartPolicy": "Always"}, "ready": True, "started": True, "state": {"running": {}}}


@pytest.mark.parametrize(
    ("pod", "ready", "status"),
    [
        (_pod({"c": {}}, phase="Pending"), "0/1", "Pending"),
        (_pod({"c": RUNNING}), "1/1", "Running"),
        (_pod({"c": RUNNING}, {"proxy": SIDECAR}, conditions={"Initialized": "True"}), "2/2", "Running"),
        (_pod({"c": WAITING}, {"init": {"state": {"running": {}}}}, "Pending"), "0/1", "Init:0/1"),
        (_pod({"c": WAITING}, {"a": ENDED, "b": {"state": {"waiting": {}}}}, "Pending"), "0/1", "Init:1/2"),
        (_pod({"c": WAITING}, {"a": {"state": {"terminated": {"exitCode": 2}}}}, "Pending"), "0/1", "Init:ExitCode:2"),
        (
            _pod({"c": WAITING}, {"a": {"state": {"waiting": {"reason": "CrashLoopBackOff"}}}}, "Pending"),
            "0/1",
            "Init:CrashLoopBackOff",
        ),
        (_pod({"c": WAITING}, {"a": ENDED}, "Pending"), "0/1", "PodInitializing"),
        (_pod({"c": {"state": {"waiting": {"reason": "ErrImagePull"}}}}, phase="Pending"), "0/1", "ErrImagePull"),
        (_pod({"c": {"state": {"terminated": {"exitCode": 1}}}}, phase="Failed"), "0/1", "ExitCode:1"),
        (_pod({"c": {"state": {"terminated": {"signal": 9}}}}, phase="Failed"), "0/1", "Signal:9"),
        (_pod({"c": ENDED}, phase="Succeeded"), "0/1", "Completed"),
        (_pod({"c": ENDED, "d": RUNNING}, conditions={"Ready": "False"}), "1/2", "NotReady"),
        (_pod({"c": ENDED, "d": RUNNING}, conditions={"Ready": "True"}), "1/2", "Running"),
        (_pod({"c": RUNNING}, deletionTimestamp="2023-01-01T00:00:00Z"), "1/1", "Terminating"),
        (_pod({"c": ENDED}, phase="Succeeded", deletionTimestamp="2023-01-01T00:00:00Z"), "0/1", "Completed"),
    ],
)
def test_ready_and_status(pod: dict[str, Any], ready: str, status: str) -> None:
    assert (pods.ready(pod, NOW), pods.status(pod, NOW)) == (ready, status)


def test_restarts_say_when_the_last_one_was() -> None:
    ended = {"terminated": {"finishedAt": "2023-11-14T22:12:20Z"}}
    assert pods.restarts(_pod({"c": RUNNING}), NOW) == "0"
    assert pods.restarts(_pod({"c": {**RUNNING, "restartCount": 2, "lastState": ended}}), NOW) == "2 (60s ago)"
    both = _pod(
        {"c": {"restartCount": 1}}, {"proxy": {**SIDECAR, "restartCount": 3}}, conditions={"Initialized": "True"}
    )
    assert pods.restarts(both, NOW) == "4"
