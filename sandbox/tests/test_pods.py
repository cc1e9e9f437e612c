"""What the kubelet promises to containers, on a whole sandbox, as seen through the API and by the containers."""

import json
import subprocess

import pytest
from sandbox.tests.sandboxes import Sandbox, container, pod, until

from linkerd_kube.objects import JsonObject

pytestmark = pytest.mark.root


def statuses(sandbox: Sandbox, name: str, kind: str = "containerStatuses") -> dict[str, JsonObject]:
    return {one["name"]: one for one in sandbox.get("pod", name)["status"].get(kind) or []}


def test_termination_messages_and_a_deadline(sandbox: Sandbox) -> None:
    sandbox.apply(
        [
            pod(
                "last-words",
                container("file", "printf 'from the file' > /dev/termination-log; exit 3"),
                container("own", "printf own > /tmp/message", terminationMessagePath="/tmp/message"),
                container("log", "echo to the log; exit 1", terminationMessagePolicy="FallbackToLogsOnError"),
                container("none", "exit 1"),
                restartPolicy="Never",
            ),
            pod("late", container("c", "exec sleep 1000"), restartPolicy="Never", activeDeadlineSeconds=5),
        ]
    )
    until(lambda: sandbox.get("pod", "last-words")["status"]["phase"] == "Failed", 60, "all have ended")
    found = {name: one["state"]["terminated"] for name, one in statuses(sandbox, "last-words").items()}
    assert {name: one.get("message") for name, one in found.items()} == {
        "file": "from the file",
        "own": "own",
        "log": "to the log\n",
        "none": None,
    }
    until(lambda: sandbox.get("pod", "late")["status"]["phase"] == "Failed", 60, "its time is over")
    assert sandbox.get("pod", "late")["status"]["reason"] == "DeadlineExceeded"
    until(lambda: "terminated" in statuses(sandbox, "late")["c"]["state"], 60, "its container has been stopped")


def test_volumes_follow_the_pod_and_keep_their_size(sandbox: Sandbox) -> None:
    script = """
    dd if=/dev/zero of=/small/file bs=1M count=3 2>/dev/null && echo too much; df -h --output=size /small | tail -1
    cat /etc/app/only; echo mine > /logs/file
    until grep -q later /about/labels; do sleep 0.1; done; echo seen; sleep 1000
    """
    mounts = [
        {"name": "small", "mountPath": "/small"},
        {"name": "config", "mountPath": "/etc/app/only", "subPath": "one"},
        {"name": "logs", "mountPath": "/logs", "subPathExpr": "$(NAME)/x"},
        {"name": "logs", "mountPath": "/all"},
        {"name": "about", "mountPath": "/about"},
    ]
    labels = {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}
    volumes = [
        {"name": "small", "emptyDir": {"medium": "Memory", "sizeLimit": "2Mi"}},
        {"name": "config", "configMap": {"name": "files"}},
        {"name": "logs", "emptyDir": {}},
        {"name": "about", "downwardAPI": {"items": [labels]}},
    ]
    name = {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    config: JsonObject = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "files"}}
    escape = {"name": "logs", "mountPath": "/out", "subPath": "link/x"}
    make_link = container("init", "ln -s /etc /logs/link", volumeMounts=[{"name": "logs", "mountPath": "/logs"}])
    sandbox.apply(
        [
            config | {"data": {"one": "first\n", "two": "second\n"}},
            pod("mounts", container("c", script, volumeMounts=mounts, env=[name]), volumes=volumes),
            pod("escape", container("c", "true", volumeMounts=[escape]), volumes=volumes, initContainers=[make_link]),
        ]
    )
    until(lambda: "first" in sandbox.kubectl("logs", "mounts", check=False).stdout, 60, "it runs")
    sandbox.kubectl("label", "pod", "mounts", "when=later")
    until(lambda: "seen" in sandbox.logs("mounts"), 60, "the label has arrived in the volume")
    assert [line.strip() for line in sandbox.logs("mounts").splitlines()] == ["2.0M", "first", "seen"]
    assert sandbox.kubectl("exec", "mounts", "--", "cat", "/all/mounts/x/file").stdout == "mine\n"

    def waiting() -> str:
        return str(statuses(sandbox, "escape").get("c", {}).get("state", {}).get("waiting", {}))

    until(lambda: "leads out of its volume" in waiting(), 60, "a subPath does not lead out")


def test_sidecars_end_last_and_in_reverse_and_hooks_are_waited_for(sandbox: Sandbox) -> None:
    say = "trap 'echo $NAME >> /shared/order; exit 0' TERM; echo listening; while :; do sleep 0.05; done"
    shared = {"volumeMounts": [{"name": "shared", "mountPath": "/shared"}]}

    def one(name: str, **more: object) -> JsonObject:
        return container(name, say, env=[{"name": "NAME", "value": name}], **shared, **more)

    hook = {"preStop": {"sleep": {"seconds": 3}}}
    keeper = container("keeper", "exec sleep 1000", **shared)
    sidecars = [one("first", restartPolicy="Always"), one("second", restartPolicy="Always")]
    volume = {"name": "shared", "hostPath": {"path": str(sandbox.directory)}}
    spec: JsonObject = {"initContainers": sidecars, "volumes": [volume], "terminationGracePeriodSeconds": 20}
    sandbox.apply(pod("order", one("app", lifecycle=hook), one("quick"), **spec))
    sandbox.apply(pod("keeper", keeper, volumes=[volume]))
    sandbox.wait("condition=Ready", "pod/order")
    for name in ("first", "second", "app", "quick"):
        until(lambda name=name: sandbox.logs("order", name) == "listening\n", 60, f"{name} listens")  # type: ignore[misc]
    sandbox.kubectl("delete", "pod", "order")
    assert (sandbox.directory / "order").read_text().split() == ["quick", "app", "second", "first"]


def test_debug_attach_and_run(sandbox: Sandbox) -> None:
    sandbox.apply(pod("target", container("app", "exec sleep 1000")))
    sandbox.apply(pod("asks", container("app", "read line; echo heard $line; sleep 1000", stdin=True)))
    for name in ("target", "asks"):
        sandbox.wait("condition=Ready", f"pod/{name}")
    shared = "cat /proc/1/cmdline | tr '\\0' ' '; ls /proc/1/root/proc >/dev/null && echo; hostname"
    sandbox.kubectl("debug", "target", "--image=busybox", "--target=app", "-c", "look", "--", "sh", "-c", shared)
    until(lambda: "terminated" in str(statuses(sandbox, "target", "ephemeralContainerStatuses")), 60, "it looked")
    assert sandbox.logs("target", "look").split() == ["sleep", "1000", "target"]
    attached = subprocess.Popen(
        ["kubectl", "attach", "-i", "asks"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=sandbox.env | {"KUBECONFIG": str(sandbox.directory / "kubeconfig")},
    )
    assert attached.stdin is not None
    assert attached.stdout is not None
    try:
        attached.stdin.write("this\n")
        attached.stdin.flush()
        until(lambda: "heard" in sandbox.logs("asks"), 60, "what was typed")
        assert attached.stdout.readline() == "heard this\n"
    finally:
        attached.kill()
        attached.communicate()
    command = ("run", "once", "-i", "--rm", "--restart=Never", "--image=busybox", "--", "sh", "-c", "cat; exit 5")
    ran = sandbox.kubectl(*command, stdin="typed\n", check=False)
    assert "typed" in ran.stdout, ran.stderr
    assert ran.returncode == 5, ran.stderr


def test_a_new_image_restarts_the_container_alone(sandbox: Sandbox) -> None:
    sandbox.apply(pod("swap", container("a", "exec sleep 1000"), container("b", "exec sleep 1000")))
    sandbox.wait("condition=Ready", "pod/swap")
    sandbox.kubectl("set", "image", "pod/swap", "a=debian:12")
    until(lambda: statuses(sandbox, "swap")["a"]["restartCount"] == 1, 60, "restarted")
    until(lambda: "running" in statuses(sandbox, "swap")["a"]["state"], 60, "running again")
    found = statuses(sandbox, "swap")
    assert (found["a"]["image"], found["b"]["restartCount"]) == ("debian:12", 0)


def test_a_readiness_gate_is_opened_by_others(sandbox: Sandbox) -> None:
    gates = [{"conditionType": "example.com/open"}]
    sandbox.apply(pod("gated", container("c", "exec sleep 1000"), readinessGates=gates))
    sandbox.wait("condition=ContainersReady", "pod/gated")
    condition = {"type": "example.com/open", "status": "True"}
    patch = json.dumps({"status": {"conditions": [condition]}})
    ready = {c["type"]: c["status"] for c in sandbox.get("pod", "gated")["status"]["conditions"]}
    assert ready["Ready"] == "False"
    sandbox.kubectl("patch", "pod", "gated", "--subresource=status", "--type=strategic", "-p", patch)
    sandbox.wait("condition=Ready", "pod/gated")
    sandbox.wait("condition=example.com/open", "pod/gated")
