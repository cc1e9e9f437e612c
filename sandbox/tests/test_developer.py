"""What a developer does all day, on a whole sandbox: exec, cp, logs, workloads of every kind, images, faults."""

import subprocess
import sys
from pathlib import Path

import pytest
from sandbox.tests.sandboxes import Sandbox, container, pod, until

from linkerd_kube.objects import JsonObject

pytestmark = pytest.mark.root


def test_exec_copy_logs_and_forward(sandbox: Sandbox, tmp_path: Path) -> None:
    script = "echo one; sleep 0.5; echo two; exec python3 -m http.server 8080"
    sandbox.apply(pod("shell", container("shell", script, env=[{"name": "WHO", "value": "me"}])))
    sandbox.wait("condition=Ready", "pod/shell")
    assert sandbox.kubectl("exec", "shell", "--", "sh", "-c", "echo $WHO; id -u; cat", stdin="x").stdout == "me\n0\n"
    assert sandbox.kubectl("exec", "-i", "shell", "--", "cat", stdin="typed\n").stdout == "typed\n"
    failed = sandbox.kubectl("exec", "shell", "--", "sh", "-c", "exit 7", check=False)
    assert failed.returncode == 7
    terminal = sandbox.run("kubectl", "exec", "shell", "--", "sh", "-c", "test -t 0 || echo no terminal")
    assert terminal.stdout == "no terminal\n"
    source = tmp_path / "file"
    source.write_text("content\n")
    sandbox.kubectl("cp", str(source), "shell:/tmp/copied")
    assert sandbox.kubectl("exec", "shell", "--", "cat", "/tmp/copied").stdout == "content\n"
    following = subprocess.Popen(
        ["kubectl", "logs", "-f", "shell"],
        stdout=subprocess.PIPE,
        text=True,
        env=sandbox.env | {"KUBECONFIG": str(sandbox.directory / "kubeconfig")},
    )
    assert following.stdout is not None
    try:
        assert [following.stdout.readline() for _ in range(2)] == ["one\n", "two\n"]
        sandbox.kubectl("delete", "pod", "shell")
        following.stdout.read()
        assert following.wait(10) == 0, "the stream ends with the container"
    finally:
        following.kill()
        following.communicate()


def test_every_kind_of_workload_runs(sandbox: Sandbox) -> None:
    meta = {"labels": {"app": "kinds"}}
    serve: JsonObject = {"containers": [container("c", "hostname; sleep 1000")], "terminationGracePeriodSeconds": 0}
    once: JsonObject = {"containers": [container("c", "echo $JOB_COMPLETION_INDEX")], "restartPolicy": "Never"}
    selector = {"matchLabels": {"app": "kinds"}}

    def body(api: str, kind: str, spec: JsonObject) -> JsonObject:
        return {"apiVersion": api, "kind": kind, "metadata": {"name": kind.lower()}, "spec": spec}

    indexed: JsonObject = {"completions": 2, "parallelism": 2, "completionMode": "Indexed", "template": {"spec": once}}
    template: JsonObject = {"metadata": meta, "spec": serve}
    sandbox.apply(
        [
            body(
                "apps/v1",
                "StatefulSet",
                {"replicas": 2, "selector": selector, "serviceName": "s", "template": template},
            ),
            body("apps/v1", "DaemonSet", {"selector": selector, "template": template}),
            body("batch/v1", "Job", indexed),
            body(
                "batch/v1", "CronJob", {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": {"spec": once}}}}
            ),
            body(
                "policy/v1", "PodDisruptionBudget", {"maxUnavailable": 0, "selector": {"matchLabels": {"app": "kinds"}}}
            ),
        ]
    )
    sandbox.kubectl("create", "job", "--from=cronjob/cronjob", "manual")
    sandbox.kubectl("rollout", "status", "statefulset/statefulset", "--timeout=30s")
    sandbox.kubectl("rollout", "status", "daemonset/daemonset", "--timeout=30s")
    sandbox.kubectl("wait", "--for=condition=Complete", "job/job", "job/manual", "--timeout=30s")
    assert sandbox.logs("statefulset-1") == "statefulset-1\n"
    assert sandbox.get("job", "job")["status"]["completedIndexes"] == "0-1"
    drained = sandbox.kubectl(
        "drain",
        "sandbox",
        "--ignore-daemonsets",
        "--force",
        "--pod-selector=app=kinds",
        "--delete-emptydir-data",
        "--timeout=2s",
        check=False,
    )
    sandbox.kubectl("uncordon", "sandbox")
    assert "Cannot evict pod as it would violate the pod's disruption budget" in drained.stderr
    sandbox.kubectl("delete", "statefulset,daemonset,job,cronjob,pdb", "--all")


def test_a_developer_s_own_service_runs(sandbox: Sandbox, tmp_path: Path) -> None:
    venv, source = tmp_path / "venv", tmp_path / "app"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    packages = next(venv.glob("lib/python*/site-packages"))
    (packages / "mine.py").write_text("NAME = 'mine'\n")
    source.mkdir()
    (source / "main.py").write_text("import sys, mine; print(mine.NAME, sys.prefix, flush=True)\n")
    sandbox.run("image", "add", "me/app", "--venv", str(venv), "--source", str(source), "--", "python", "main.py")
    sandbox.apply(pod("own", {"name": "own", "image": "me/app:1"}, restartPolicy="Never"))
    until(lambda: sandbox.get("pod", "own")["status"]["phase"] == "Succeeded", 30, "it ran")
    assert sandbox.logs("own") == f"mine {venv}\n"


def test_chaos_kills_pauses_and_cuts_off(sandbox: Sandbox) -> None:
    serve = container("c", "exec python3 -m http.server 8080")
    sandbox.apply([pod("victim", serve), pod("asker", container("c", "exec sleep 1000"))])
    for name in ("victim", "asker"):
        sandbox.wait("condition=Ready", f"pod/{name}")
    url = f"http://{sandbox.get('pod', 'victim')['status']['podIP']}:8080/"

    def reached() -> bool:
        ask = ("exec", "asker", "--", "curl", "-sS", "-m", "1", "-o", "/dev/null", url)
        return sandbox.kubectl(*ask, check=False).returncode == 0

    until(reached, 10, "the server answers")
    for fault in ("partition", "pause"):
        assert sandbox.run("chaos", fault, "victim").stdout == f"{fault}: default/victim\n"
        assert not reached()
        sandbox.run("chaos", "heal", "victim")
        until(reached, 10, f"healed after {fault}")
    sandbox.run("chaos", "kill", "victim")
    until(lambda: sandbox.get("pod", "victim")["status"]["containerStatuses"][0]["restartCount"] == 1, 20, "restarted")
    wrong = sandbox.run("chaos", "kill", "nobody", check=False)
    assert wrong.stderr == 'linkerd sandbox chaos: pod "nobody" in namespace "default": Not Found\n'
    shaped = sandbox.run("chaos", "delay", "asker", "200", check=False)
    assert shaped.returncode == 0 or "tc: " in shaped.stderr, "a kernel without netem says so"


def test_top_shows_who_is_busy(sandbox: Sandbox) -> None:
    sandbox.apply([pod("busy", container("c", "while :; do :; done")), pod("idle", container("c", "exec sleep 1000"))])
    for name in ("busy", "idle"):
        sandbox.wait("condition=Ready", f"pod/{name}")
    lines = sandbox.kubectl("top", "pods", "--containers", "--no-headers").stdout.splitlines()
    found = {(one := line.split())[0]: (int(one[2].removesuffix("m")), one[3]) for line in lines}
    assert found["busy"][0] > 100
    assert found["idle"][0] < 50
    assert found["idle"][1].endswith("Mi")
    assert sandbox.kubectl("top", "pod", "busy", "--no-headers").stdout.split()[0] == "busy"
    node = sandbox.kubectl("top", "node", "--no-headers").stdout.split()
    assert node[0] == "sandbox"
    assert int(node[1].removesuffix("m")) > 100
    sandbox.kubectl("delete", "pod", "busy", "idle", "--grace-period=0", "--force")
