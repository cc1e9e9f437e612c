"""Whole sandboxes, with real namespaces, through the command line."""

import json
import os
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from sandbox.tests.sandboxes import Sandbox, container, host_view, members, pod, started, until, web

from linkerd_kube.objects import JsonObject
from linkerd_testkit.ports import free_port

pytestmark = pytest.mark.root


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Sandbox]:
    one = started(tmp_path / "state")
    yield one
    one.run("down")


def test_a_deployment_is_reached_by_cluster_ip_and_name(sandbox: Sandbox) -> None:
    sandbox.apply(web())
    sandbox.wait("condition=Available", "deployment/web")
    script = "; ".join(
        [
            # That both are ready was heard from the API; the network follows a moment later.
            "until [ $(getent ahostsv4 peers | grep -c STREAM) = 2 ] && curl -sS -m 5 -o /dev/null http://web/",
            "do sleep 0.1",
            "done",
            "curl -sS -m 30 -o /dev/null -w 'ip %{http_code}\\n' http://web/",
            "curl -sS -m 30 -o /dev/null -w 'fqdn %{http_code}\\n' http://web.default.svc.cluster.local./",
            "curl -sS -m 30 -o /dev/null -w 'peers %{http_code}\\n' http://peers:8080/",
            "curl -sS -m 30 -o /dev/null -w 'nobody %{exitcode}\\n' http://nobody/",
            "getent ahostsv4 peers | grep -c STREAM",
            "getent hosts missing.default.svc.cluster.local || echo missing",
        ]
    )
    sandbox.apply(pod("client", container("curl", script), restartPolicy="Never"))
    until(lambda: sandbox.get("pod", "client")["status"]["phase"] == "Succeeded", 60, "client ends well")
    lines = sandbox.logs("client").splitlines()
    # curl's 7 is "refused", and not 28, "timed out".
    assert {"ip 200", "fqdn 200", "peers 200", "nobody 7", "2", "missing"} <= set(lines), lines


def test_a_pod_reaches_itself_through_its_service(sandbox: Sandbox) -> None:
    ask = "while ! curl -sS -m 5 -o /dev/null http://mirror/; do sleep 0.2; done"
    serve = f"python3 -m http.server 8080 & {ask}; echo ok; wait"
    own_port = {"containerPort": 8080, "name": "http"}
    sandbox.apply(
        [
            pod("self", container("self", serve, ports=[own_port])),
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "mirror"},
                "spec": {"selector": {"app": "self"}, "ports": [{"port": 80, "targetPort": "http"}]},
            },
        ]
    )
    until(lambda: "ok" in sandbox.kubectl("logs", "self", check=False).stdout, 60, "hairpin")


def test_a_rollout_replaces_pods_and_keeps_revisions(sandbox: Sandbox) -> None:
    sandbox.apply(web())
    sandbox.wait("condition=Available", "deployment/web")
    manifest = web(replicas=3)
    manifest[0]["spec"]["template"]["metadata"]["annotations"] = {"version": "2"}
    sandbox.apply(manifest)

    def rolled() -> bool:
        status = sandbox.get("deployment", "web")["status"]
        wanted = ("replicas", "updatedReplicas", "availableReplicas", "readyReplicas")
        return all(status.get(field) == 3 for field in wanted) and not status.get("unavailableReplicas")

    until(rolled, 60, "three new replicas")
    deployment = sandbox.get("deployment", "web")
    assert deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    assert deployment["status"]["observedGeneration"] == deployment["metadata"]["generation"]
    listed = json.loads(sandbox.kubectl("get", "replicasets", "-l", "app=web", "-o", "json").stdout)["items"]
    assert sorted(one["spec"]["replicas"] for one in listed) == [0, 3]


def test_init_containers_sidecars_hooks_and_volumes(sandbox: Sandbox) -> None:
    shared = [{"name": "shared", "mountPath": "/shared"}]
    wait = "trap 'echo over > /shared/$NAME; exit 0' TERM; while :; do sleep 0.1; done"
    sidecar = container(
        "sidecar",
        f"sleep 0.3; touch /shared/up; {wait}",
        restartPolicy="Always",
        startupProbe={"exec": {"command": ["test", "-f", "/shared/up"]}, "periodSeconds": 1, "failureThreshold": 30},
        securityContext={"runAsUser": 2102, "runAsGroup": 2102, "readOnlyRootFilesystem": True},
        env=[{"name": "NAME", "value": "sidecar"}],
        volumeMounts=shared,
    )
    init = container(
        "init",
        "ls /shared; cat /config/greeting; test -s /token/token && echo token; id -u; echo $CORES $WHERE",
        env=[
            {"name": "CORES", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
            {"name": "WHERE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        ],
        resources={"limits": {"cpu": "1500m"}},
        volumeMounts=[
            *shared,
            {"name": "config", "mountPath": "/config", "readOnly": True},
            {"name": "token", "mountPath": "/token"},
        ],
    )
    app = container(
        "app",
        f"cat /shared/hook; {wait}",
        env=[{"name": "NAME", "value": "app"}],
        lifecycle={"postStart": {"exec": {"command": ["sh", "-c", "echo hooked > /shared/hook"]}}},
        volumeMounts=shared,
    )
    token = {"serviceAccountToken": {"path": "token", "audience": "identity.l5d.io", "expirationSeconds": 86400}}
    volumes = [
        {"name": "shared", "emptyDir": {"medium": "Memory"}},
        {"name": "config", "configMap": {"name": "greetings"}},
        {"name": "token", "projected": {"sources": [token]}},
    ]
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "greetings"},
        "data": {"greeting": "hello\n"},
    }
    sandbox.apply([config, pod("all", app, initContainers=[sidecar, init], volumes=volumes)])
    sandbox.wait("condition=Ready", "pod/all")
    lines = sandbox.logs("all", "init").splitlines()
    assert lines[:3] == ["up", "hello", "token"], "init runs after the sidecar has started"
    assert lines[4] == "2 default"
    status = sandbox.get("pod", "all")["status"]
    assert [one["state"].get("running") is not None for one in status["initContainerStatuses"]] == [True, False]
    assert status["initContainerStatuses"][1]["state"]["terminated"]["reason"] == "Completed"
    assert status["containerStatuses"][0]["imageID"]
    assert status["podIP"] == status["podIPs"][0]["ip"]


def test_crashes_are_restarted_and_unknown_images_said(sandbox: Sandbox) -> None:
    sandbox.apply(
        pod(
            "broken",
            container("crash", "echo attempt; exit 3"),
            {"name": "unknown", "image": "nobody/knows:1"},
            {"name": "missing", "image": "sandbox/tools", "command": ["/nonexistent"]},
        )
    )

    def states() -> dict[str, JsonObject]:
        return {s["name"]: s for s in sandbox.get("pod", "broken")["status"].get("containerStatuses", [])}

    until(lambda: states().get("crash", {}).get("restartCount", 0) >= 1, 60, "a restart")
    until(lambda: "CrashLoopBackOff" in str(states()["crash"]["state"]), 60, "back-off")
    until(lambda: "ImagePull" in str(states()["unknown"]["state"]), 60, "image error")
    found = states()
    assert found["crash"]["lastState"]["terminated"]["exitCode"] == 3
    assert "linkerd sandbox image add docker.io/nobody/knows" in found["unknown"]["state"]["waiting"]["message"]
    until(lambda: "StartError" in str(states()["missing"]), 60, "start error")
    assert sandbox.logs("broken", "crash", "--previous") == "attempt\n"


def test_liveness_kills_and_readiness_withdraws(sandbox: Sandbox) -> None:
    script = "touch /tmp/alive /tmp/ready; sleep 0.5; rm /tmp/alive; while :; do sleep 0.1; done"
    probe = {"exec": {"command": ["test", "-f", "/tmp/alive"]}, "periodSeconds": 1, "failureThreshold": 1}
    sandbox.apply(pod("sick", container("sick", script, livenessProbe=probe)))

    def restarts() -> int:
        statuses = sandbox.get("pod", "sick")["status"].get("containerStatuses", [])
        return int(statuses[0]["restartCount"]) if statuses else 0

    until(lambda: restarts() >= 1, 60, "killed by its liveness probe")


def test_a_deleted_namespace_takes_everything_with_it(sandbox: Sandbox) -> None:
    sandbox.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "doomed"}})
    until(
        lambda: sandbox.kubectl("get", "sa", "default", "-n", "doomed", check=False).returncode == 0,
        60,
        "account",
    )
    manifest = web(1)
    for one in manifest:
        one["metadata"]["namespace"] = "doomed"
    sandbox.apply(manifest)
    sandbox.kubectl("wait", "-n", "doomed", "--for=condition=Available", "deployment/web")
    sandbox.kubectl("delete", "namespace", "doomed")
    assert sandbox.kubectl("get", "namespace", "doomed", check=False).returncode != 0


def test_a_deleted_deployment_leaves_no_pods(sandbox: Sandbox) -> None:
    manifest = web(2)[:1]
    manifest[0]["metadata"]["name"] = "short"
    manifest[0]["spec"]["selector"] = {"matchLabels": {"app": "short"}}
    manifest[0]["spec"]["template"]["metadata"]["labels"] = {"app": "short"}
    sandbox.apply(manifest)
    sandbox.wait("condition=Available", "deployment/short")
    sandbox.kubectl("delete", "deployment", "short")
    until(
        lambda: not json.loads(sandbox.kubectl("get", "pods", "-l", "app=short", "-o", "json").stdout)["items"],
        60,
        "pods collected",
    )


def test_without_kubectl_the_stand_in_serves(sandbox: Sandbox, tmp_path: Path) -> None:
    manifest = tmp_path / "one.yaml"
    manifest.write_text(json.dumps(pod("plain", container("plain", "echo hi; sleep 100"))))
    bare = {"PATH": str(tmp_path)}

    def kubectl(*arguments: str) -> str:
        return sandbox.run("kubectl", *arguments, env=bare).stdout

    assert kubectl("apply", "-f", str(manifest)) == "pod/plain created\n"
    assert kubectl("apply", "-f", str(manifest)) == "pod/plain unchanged\n"
    assert kubectl("wait", "--for=condition=Ready", "pod/plain") == "pod/plain condition met\n"
    assert kubectl("annotate", "pod", "plain", "a=b") == "pod/plain annotated\n"
    assert kubectl("get", "pod", "plain").splitlines()[1].split()[:3] == ["plain", "1/1", "Running"]
    until(lambda: kubectl("logs", "plain") == "hi\n", 60, "the log")
    assert kubectl("delete", "pod", "plain") == 'pod "plain" deleted\n'
    assert sandbox.run("kubectl", "get", "nothing", env=bare, check=False).returncode == 1


def test_two_sandboxes_side_by_side_and_down_leaves_nothing(
    sandbox: Sandbox, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    before = host_view()
    own = started(tmp_path / "state", "--port", f"{(port := free_port())}:web.default:80")
    request.addfinalizer(lambda: own.run("down"))  # also where an assertion below fails
    assert sandbox.pid != own.pid
    namespace = str(Path(f"/proc/{own.pid}/ns/net").readlink())
    own.apply([pod("mine", container("mine", "sleep 1000"))])
    own.wait("condition=Ready", "pod/mine")
    assert sandbox.kubectl("get", "pod", "mine", check=False).returncode != 0
    addresses = [one.get("service", "kubernetes")["spec"]["clusterIP"] for one in (own, sandbox)]
    assert addresses[0] == addresses[1]
    assert "running" in own.run("status").stdout
    assert own.run("up").stdout.startswith("already running")
    own.apply(web(1))
    own.wait("condition=Available", "deployment/web")
    until(lambda: answers(port), 60, "the host's port leads to the Service")
    own.run("down")
    assert members("net", namespace) == []
    assert not own.directory.exists()
    until(lambda: host_view() <= before, 60, "nothing is left on the host")


def test_kill_9_leaves_nothing(own: Sandbox) -> None:
    before = host_view()
    for whom in ("supervisor", "first process"):
        first = own.pid
        namespace = str(Path(f"/proc/{first}/ns/net").readlink())
        own.apply([pod("one", container("one", "sleep 1000"))])
        own.wait("condition=Ready", "pod/one")
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        supervisor = next(
            int(pid) for pid in children if b"linkerd_sandbox.supervisor" in Path(f"/proc/{pid}/cmdline").read_bytes()
        )
        os.kill(supervisor if whom == "supervisor" else first, signal.SIGKILL)
        until(lambda namespace=namespace: not members("net", namespace), 60, "every process gone")  # type: ignore[misc]
        until(lambda: host_view() <= before, 60, "nothing is left on the host")
        assert "it was killed" in own.run("status", check=False).stdout
        assert own.run("up", "--wait").returncode == 0


def test_a_taken_port_is_one_line(sandbox: Sandbox, tmp_path: Path) -> None:
    port = json.loads((sandbox.directory / "state.json").read_text())["api_port"]
    result = Sandbox(tmp_path / "other").run("up", "--port", str(port), check=False)
    assert result.returncode == 1
    assert result.stderr.strip() == f"linkerd sandbox up: --port {port}: [Errno 98] Address already in use"
