"""Pod phase, conditions and container statuses, as kubelet's getPhase and generate.go decide them."""

from collections.abc import Sequence

import pytest

from linkerd_sandbox.kubelet.status import ContainerState, Kind, PodView, Terminated, phase, pod_status, qos_class

NOW = "2026-01-01T00:00:00Z"


def state(name: str, kind: Kind, condition: str) -> ContainerState:
    one = ContainerState(name, kind, "image")
    match condition:
        case "running":
            one.running_since = NOW
            one.started = True
        case "ready":
            one.running_since = NOW
            one.started = one.ready = True
        case "ok" | "failed":
            one.terminated = Terminated(0 if condition == "ok" else 1, "Completed", NOW, NOW, "id")
        case "backoff":
            one.waiting_reason = "CrashLoopBackOff"
            one.last = Terminated(1, "Error", NOW, NOW, "id")
    return one


def view(states: Sequence[ContainerState], policy: str = "Always", *, finished: bool = False) -> PodView:
    return PodView({"spec": {"restartPolicy": policy}}, states, ("10.42.0.1",), finished=finished)


@pytest.mark.parametrize(
    ("policy", "conditions", "expected"),
    [
        ("Always", ["app waiting"], "Pending"),
        ("Always", ["app running"], "Running"),
        ("Always", ["app running", "app waiting"], "Pending"),
        ("Always", ["app running", "app backoff"], "Running"),
        ("Always", ["app ok"], "Running"),
        ("Never", ["app ok"], "Succeeded"),
        ("Never", ["app ok", "app failed"], "Failed"),
        ("Never", ["app ok", "app running"], "Running"),
        ("OnFailure", ["app failed"], "Running"),
        ("OnFailure", ["app ok"], "Succeeded"),
        ("Always", ["init running", "app waiting"], "Pending"),
        ("Always", ["init failed", "app waiting"], "Pending"),
        ("Never", ["init failed", "app waiting"], "Failed"),
        ("Always", ["init ok", "sidecar waiting", "app waiting"], "Pending"),
        ("Always", ["init ok", "sidecar running", "app running"], "Running"),
        ("Never", ["init ok", "sidecar running", "app ok"], "Succeeded"),
        ("Always", ["init ok", "sidecar backoff", "app running"], "Running"),
        ("Always", ["init ok", "sidecar waiting", "app backoff"], "Running"),
        ("Always", ["app running", "ephemeral failed"], "Running"),
    ],
)
def test_phase(policy: str, conditions: list[str], expected: str) -> None:
    kinds: dict[str, Kind] = {"app": "app", "init": "init", "sidecar": "sidecar", "ephemeral": "ephemeral"}
    states = [state(f"c{n}", kinds[text.split()[0]], text.split()[1]) for n, text in enumerate(conditions)]
    # a sidecar that still runs when the apps are done has been started
    assert phase(view(states, policy)) == expected


def shown(states: Sequence[ContainerState], policy: str = "Always") -> dict[str, tuple[str, str]]:
    status = pod_status(view(states, policy), NOW)
    return {c["type"]: (c["status"], c.get("message", "")) for c in status["conditions"]}


def test_conditions_name_who_is_missing() -> None:
    found = shown([state("proxy", "sidecar", "running"), state("web", "app", "ready")])
    assert found["Initialized"][0] == "True"
    assert found["Ready"] == ("False", "containers with unready status: [proxy]")
    waiting = shown([state("init", "init", "running"), state("web", "app", "waiting")])
    assert waiting["Initialized"] == ("False", "containers with incomplete status: [init]")
    assert waiting["Ready"] == ("False", "containers with unready status: [web]")
    assert shown([state("web", "app", "ready")])["Ready"] == ("True", "")


def test_a_completed_pod_is_not_ready() -> None:
    status = pod_status(view([state("job", "app", "ok")], "Never"), NOW)
    ready = next(c for c in status["conditions"] if c["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "PodCompleted")


def test_transition_times_stay_while_the_status_does() -> None:
    pod = view([state("web", "app", "ready")])
    first = pod_status(pod, NOW)["conditions"]
    again = PodView(pod.pod, pod.states, pod.host_ips, previous=first)
    assert pod_status(again, "2026-01-01T01:00:00Z")["conditions"] == first
    worse = PodView(pod.pod, [state("web", "app", "running")], pod.host_ips, previous=first)
    times = {c["type"]: c["lastTransitionTime"] for c in pod_status(worse, "2026-01-01T01:00:00Z")["conditions"]}
    assert times["Ready"] == "2026-01-01T01:00:00Z"
    assert times["Initialized"] == NOW


def test_readiness_gates_are_others_and_count() -> None:
    spec = {"spec": {"readinessGates": [{"conditionType": "example.com/gate"}]}}
    for status, ready in (("True", "True"), ("False", "False"), (None, "False")):
        gate = [{"type": "example.com/gate", "status": status}] if status else []
        found = pod_status(PodView(spec, [state("web", "app", "ready")], ("h",), previous=gate), NOW)["conditions"]
        statuses = {c["type"]: c["status"] for c in found}
        assert (statuses["Ready"], statuses["ContainersReady"]) == (ready, "True")
        assert "example.com/gate" not in statuses, "that one is somebody else's to write"


def test_a_restarting_sidecar_leaves_the_pod_initialized() -> None:
    found = shown([state("proxy", "sidecar", "backoff"), state("web", "app", "ready")])
    assert found["Initialized"] == ("True", "")
    assert found["Ready"] == ("False", "containers with unready status: [proxy]")


def test_ephemeral_containers_are_listed_apart_and_do_not_count() -> None:
    status = pod_status(view([state("web", "app", "ready"), state("debugger", "ephemeral", "running")]), NOW)
    assert [one["name"] for one in status["ephemeralContainerStatuses"]] == ["debugger"]
    assert [one["name"] for one in status["containerStatuses"]] == ["web"]
    assert next(c["status"] for c in status["conditions"] if c["type"] == "Ready") == "True"


def test_a_container_status_is_complete() -> None:
    broken = state("web", "app", "backoff")
    broken.restart_count = 2
    (status,) = pod_status(view([broken]), NOW)["containerStatuses"]
    assert status["state"] == {"waiting": {"reason": "CrashLoopBackOff"}}
    assert status["lastState"]["terminated"]["exitCode"] == 1
    assert (status["restartCount"], status["ready"], status["started"], status["imageID"]) == (2, False, False, "")


def test_a_signal_is_shown() -> None:
    assert Terminated(137, "Error", NOW, NOW, "id").to_json()["signal"] == 9


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}, "Burstable"),
    ],
)
def test_qos(resources: dict[str, object], expected: str) -> None:
    assert qos_class({"spec": {"containers": [{"resources": resources}]}}) == expected
