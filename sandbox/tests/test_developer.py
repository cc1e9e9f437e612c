"""What a developer does all day, on a whole sandbox: exec, cp, logs, workloads of every kind, images, faults."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from sandbox.tests.sandboxes import Sandbox, container, pod, until, web

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
        assert following.wait(60) == 0, "the stream ends with the container"
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
    sandbox.kubectl("rollout", "status", "statefulset/statefulset", "--timeout=60s")
    sandbox.kubectl("rollout", "status", "daemonset/daemonset", "--timeout=60s")
    sandbox.kubectl("wait", "--for=condition=Complete", "job/job", "job/manual", "--timeout=60s")
    assert sandbox.logs("statefulset-1") == "statefulset-1\n"
    assert sandbox.get("job", "job")["status"]["completedIndexes"] == "0-1"
    drained = sandbox.kubectl(
        "drain",
        "sandbox",
        "--ignore-daemonsets",
        "--force",
        "--pod-selector=app=kinds",
        "--delete-emptydir-data",
        "--timeout=5s",
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
    until(lambda: sandbox.get("pod", "own")["status"]["phase"] == "Succeeded", 60, "it ran")
    assert sandbox.logs("own") == f"mine {venv}\n"


def test_chaos_for_pods(sandbox: Sandbox) -> None:
    serve = container("c", "exec python3 -m http.server 8080")
    asker = container("c", "date +%s; exec sleep 1000")
    sandbox.apply([pod("victim", serve, container("other", "exec sleep 1000")), pod("asker", asker)])
    for name in ("victim", "asker"):
        sandbox.wait("condition=Ready", f"pod/{name}")
    url = f"http://{sandbox.get('pod', 'victim')['status']['podIP']}:8080/"

    def connected() -> float:
        """Seconds until the connection was made."""
        script = ("-sS", "-m", "30", "-o", "/dev/null", "-w", "%{time_connect}", url)
        return float(sandbox.kubectl("exec", "asker", "--", "curl", *script).stdout)

    def reached() -> bool:
        ask = ("exec", "asker", "--", "curl", "-sS", "-m", "1", "-o", "/dev/null", url)
        return sandbox.kubectl(*ask, check=False).returncode == 0

    def restarts(name: str, index: int = 0) -> int:
        return int(sandbox.get("pod", name)["status"]["containerStatuses"][index]["restartCount"])

    def began() -> int:
        """What its clock showed when it began; 0 where it has not said so yet."""
        return int(sandbox.kubectl("logs", "asker", check=False).stdout or 0)

    until(reached, 60, "the server answers")
    for fault in (("partition",), ("pause",), ("loss", "100")):
        assert sandbox.run("chaos", fault[0], "victim", *fault[1:]).stdout == f"{fault[0]}: default/victim\n"
        assert not reached()
        sandbox.run("chaos", "heal", "victim")
        until(reached, 60, f"healed after {fault}")
    sandbox.run("chaos", "delay", "victim", "300")
    assert connected() >= 0.3
    sandbox.run("chaos", "heal", "victim")
    until(lambda: connected() < 0.3, 60, "no delay any more")
    sandbox.run("chaos", "kill", "victim", "-c", "c")
    until(lambda: restarts("victim") == 1, 60, "restarted")
    assert restarts("victim", 1) == 0, "the other container was left alone"
    wrong = sandbox.run("chaos", "kill", "nobody", check=False)
    assert wrong.stderr == 'linkerd sandbox chaos: no pod of pod "nobody" runs in namespace "default"\n'
    skewed = sandbox.run("chaos", "clock", "asker", "+86400", check=False)
    if "apt-get install faketime" in skewed.stderr:
        pytest.skip("the clock was not tested: libfaketime is not installed (sudo apt-get install faketime)")
    until(lambda: restarts("asker") == 1, 60, "a new clock is a new start")
    until(lambda: began() > time.time() + 80000, 60, "it is tomorrow there")
    assert int(sandbox.kubectl("exec", "asker", "--", "date", "+%s").stdout) > time.time() + 80000
    sandbox.run("chaos", "heal", "asker")
    until(lambda: 0 < began() < time.time() + 10, 60, "and today again")


def test_chaos_for_the_clusters_own_parts(sandbox: Sandbox) -> None:
    sandbox.apply([pod("resolver", container("c", "exec sleep 1000"))])
    sandbox.wait("condition=Ready", "pod/resolver")

    def resolves() -> bool:
        ask = ("exec", "resolver", "--", "timeout", "2", "getent", "hosts", "kubernetes.default.svc.cluster.local.")
        return sandbox.kubectl(*ask, check=False).returncode == 0

    until(resolves, 60, "names are resolved")
    sandbox.run("chaos", "partition", "dns")
    assert not resolves()
    sandbox.run("chaos", "kill", "dns")
    assert not resolves(), "a restart does not mend a network"
    sandbox.run("chaos", "heal", "dns")
    until(resolves, 60, "names are resolved again")
    sandbox.run("chaos", "partition", "controllers")
    sandbox.kubectl("create", "deployment", "waits", "--image=sandbox/tools")
    refused = sandbox.kubectl("wait", "--for=condition=Available", "--timeout=1s", "deploy/waits", check=False)
    assert refused.returncode != 0
    sandbox.run("chaos", "heal", "controllers")
    sandbox.run("chaos", "kill", "controllers")
    sandbox.wait("condition=Available", "deploy/waits")
    sandbox.run("chaos", "partition", "apiserver")
    assert sandbox.kubectl("get", "pods", check=False).returncode != 0
    sandbox.run("chaos", "heal", "apiserver")
    for part in ("apiserver", "kubelet", "service-proxy"):
        sandbox.run("chaos", "kill", part)
    sandbox.kubectl("delete", "deployment", "waits")
    sandbox.apply(web(1))
    sandbox.wait("condition=Available", "deploy/web")
    answered = ("exec", "resolver", "--", "curl", "-sS", "-m", "5", "-o", "/dev/null", "http://web/")
    until(lambda: sandbox.kubectl(*answered, check=False).returncode == 0, 60, "all parts work again")
    refused = sandbox.run("chaos", "clock", "dns", "+1", check=False)
    assert "clock is for pods" in refused.stderr


def test_top_shows_who_is_busy(sandbox: Sandbox) -> None:
    sandbox.apply([pod("busy", container("c", "while :; do :; done")), pod("idle", container("c", "exec sleep 1000"))])
    for name in ("busy", "idle"):
        sandbox.wait("condition=Ready", f"pod/{name}")

    def shown() -> dict[str, tuple[int, str]]:
        lines = sandbox.kubectl("top", "pods", "--containers", "--no-headers").stdout.splitlines()
        return {(one := line.split())[0]: (int(one[2].removesuffix("m")), one[3]) for line in lines}

    def busier() -> bool:
        found = shown()
        return found["busy"][0] > 3 * found["idle"][0] + 30

    until(busier, 60, "its share, which is small where there is other work, and the start of the other one over")
    assert shown()["idle"][1].endswith("Mi")
    assert sandbox.kubectl("top", "pod", "busy", "--no-headers").stdout.split()[0] == "busy"
    node = sandbox.kubectl("top", "node", "--no-headers").stdout.split()
    assert node[0] == "sandbox"
    assert int(node[1].removesuffix("m")) > 30
    sandbox.kubectl("delete", "pod", "busy", "idle", "--grace-period=0", "--force")
