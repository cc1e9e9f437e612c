"""What people type: the real kubectl against the server."""

import asyncio
import contextlib
import json
import os
import re
import shlex
import shutil
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import yaml

Cluster = Any
pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")

DEPLOYMENT = yaml.safe_load("""
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default, labels: {app: web}}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: web:1
        ports: [{containerPort: 8080, name: http}]
        env: [{name: A, value: "1"}]
""")
WIDGETS = yaml.safe_load("""
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  names: {plural: widgets, kind: Widget, shortNames: [wd]}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}, scale: {specReplicasPath: .spec.size, statusReplicasPath: .status.size}}
    additionalPrinterColumns:
    - {name: Size, type: integer, jsonPath: .spec.size}
    - {name: Ready, type: string, jsonPath: '.status.conditions[?(@.type=="Ready")].status'}
    - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
    schema: &schema
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          spec:
            type: object
            description: What is wanted.
            required: [color]
            properties:
              size: {type: integer, default: 3, minimum: 1}
              color: {type: string, enum: [red, blue]}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
  - {name: v1beta1, served: true, storage: false, schema: *schema}
""")


def _widget(**spec: Any) -> dict[str, Any]:
    meta = {"name": "a", "namespace": "default"}
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": meta, "spec": spec}


async def _ok(cluster: Cluster, *arguments: str, stdin: Any = None) -> str:
    done = await cluster.kubectl(*arguments, stdin=stdin)
    assert done.code == 0, done.err
    assert done.err == ""
    return str(done.out)


async def test_apply_again_and_again(cluster: Cluster) -> None:
    assert await cluster.apply(DEPLOYMENT) == "deployment.apps/web created\n"
    assert await cluster.apply(DEPLOYMENT) == "deployment.apps/web unchanged\n"
    changed = json.loads(json.dumps(DEPLOYMENT))
    container = changed["spec"]["template"]["spec"]["containers"][0]
    container["image"], container["env"] = "web:2", [{"name": "B", "value": "2"}]
    assert await cluster.apply(changed) == "deployment.apps/web configured\n"
    _, found = await cluster.api("GET", "/apis/apps/v1/namespaces/default/deployments/web")
    stored = found["spec"]["template"]["spec"]["containers"][0]
    assert (stored["image"], stored["env"], stored["imagePullPolicy"]) == (
        "web:2",
        [{"name": "B", "value": "2"}],
        "IfNotPresent",
    )
    assert found["metadata"]["generation"] == 2
    assert found["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": "25%", "maxUnavailable": "25%"}


async def test_commands_that_change_one_thing(cluster: Cluster) -> None:
    await cluster.apply(DEPLOYMENT)
    assert await _ok(cluster, "annotate", "deploy", "web", "a=b") == "deployment.apps/web annotated\n"
    assert await _ok(cluster, "label", "deploy", "web", "x=y") == "deployment.apps/web labeled\n"
    assert await _ok(cluster, "scale", "deploy", "web", "--replicas=3") == "deployment.apps/web scaled\n"
    assert await _ok(cluster, "set", "image", "deploy/web", "web=web:3") == "deployment.apps/web image updated\n"
    assert await _ok(cluster, "rollout", "restart", "deploy", "web") == "deployment.apps/web restarted\n"
    assert await _ok(
        cluster, "patch", "deploy", "web", "--type=json", "-p", '[{"op":"remove","path":"/metadata/labels/x"}]'
    )
    assert "READY" in await _ok(cluster, "get", "deploy")
    shown = yaml.safe_load(await _ok(cluster, "get", "deploy", "web", "-o", "yaml"))
    assert shown["spec"]["replicas"] == 3
    assert shown["metadata"]["annotations"]["a"] == "b"
    assert "x" not in shown["metadata"]["labels"]
    assert "kubectl.kubernetes.io/restartedAt" in shown["spec"]["template"]["metadata"]["annotations"]
    assert "web:3" in await _ok(cluster, "describe", "deploy", "web")
    assert await _ok(cluster, "delete", "deploy", "web") == 'deployment.apps "web" deleted\n'
    missing = await cluster.kubectl("get", "deploy", "web")
    assert (missing.code, missing.err) == (1, 'Error from server (NotFound): deployments.apps "web" not found\n')


async def test_tables(cluster: Cluster, pod: Callable[..., dict[str, Any]]) -> None:
    await cluster.account()
    await cluster.apply(DEPLOYMENT, pod())
    shown = (await _ok(cluster, "get", "pods")).split()
    assert shown[:-1] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE", "p", "0/1", "Pending", "0"]
    assert re.fullmatch(r"\ds", shown[-1])
    wide = await _ok(cluster, "get", "deploy", "-o", "wide", "--no-headers")
    assert wide.split()[:3] == ["web", "0/1", "0"]
    assert wide.split()[-3:] == ["web", "web:1", "app=web"]
    assert (await _ok(cluster, "get", "svc", "--no-headers")).split()[:5] == [
        "kubernetes",
        "ClusterIP",
        "10.43.0.1",
        "<none>",
        "443/TCP",
    ]
    everything = await _ok(cluster, "get", "all")
    assert "pod/p" in everything
    assert "deployment.apps/web" in everything
    assert await _ok(cluster, "get", "pods", "-o", "name", "-l", "none=none") == ""
    assert (
        await cluster.kubectl("get", "pods", "-n", "kube-system")
    ).err == "No resources found in kube-system namespace.\n"


async def test_mistakes_in_manifests(cluster: Cluster) -> None:
    text = yaml.safe_dump(DEPLOYMENT)
    done = await cluster.kubectl("apply", "-f", "-", stdin=text.replace("image:", "imagge:"))
    assert done.code == 1
    assert 'strict decoding error: unknown field "spec.template.spec.containers[0].imagge"' in done.err
    done = await cluster.kubectl("apply", "-f", "-", stdin=text.replace("containerPort: 8080", "containerPort: http"))
    assert (
        'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct '
        "field ContainerPort.spec.template.spec.containers.ports.containerPort of type int32" in done.err
    )
    done = await cluster.kubectl("apply", "-f", "-", stdin=text.replace("image: web:1", "imagePullPolicy: Sometimes"))
    assert 'The Deployment "web" is invalid:' in done.err
    assert "* spec.template.spec.containers[0].image: Required value" in done.err
    assert (
        'imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"'
        in done.err
    )
    done = await cluster.kubectl(
        "apply", "-f", "-", stdin=text.replace("matchLabels:\n      app: web", "matchLabels:\n      app: x")
    )
    assert "`selector` does not match template `labels`" in done.err
    await cluster.apply(DEPLOYMENT)
    done = await cluster.kubectl("apply", "-f", "-", stdin=text.replace("app: web", "app: other"))
    assert "spec.selector: Invalid value" in done.err
    assert "field is immutable" in done.err
    done = await cluster.kubectl(
        "apply", "-n", "nowhere", "-f", "-", stdin=text.replace("namespace: default", "namespace: nowhere")
    )
    assert 'namespaces "nowhere" not found' in done.err


async def test_custom_resources(cluster: Cluster) -> None:
    await cluster.apply(WIDGETS)
    await _ok(cluster, "wait", "--for=condition=Established", "crd/widgets.example.com", "--timeout=60s")
    done = await cluster.kubectl("apply", "-f", "-", stdin=[_widget(color="green")])
    assert done.err == (
        'The Widget "a" is invalid: spec.color: Unsupported value: "green": supported values: "red", "blue"\n'
    )
    done = await cluster.kubectl("apply", "-f", "-", stdin=[_widget(color="red", siize=1)])
    assert 'strict decoding error: unknown field "spec.siize"' in done.err
    done = await cluster.kubectl("apply", "-f", "-", stdin=[_widget(size="big")])
    assert 'spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"' in done.err
    assert "spec.color: Required value" in done.err
    assert await cluster.apply(_widget(color="red")) == "widget.example.com/a created\n"
    assert (await _ok(cluster, "get", "wd")).split()[:-1] == ["NAME", "SIZE", "READY", "AGE", "a", "3"]
    await _ok(cluster, "scale", "wd", "a", "--replicas=5")
    status = '{"status":{"conditions":[{"type":"Ready","status":"True"}]}}'
    await _ok(cluster, "patch", "wd", "a", "--subresource=status", "--type=merge", "-p", status)
    assert (await _ok(cluster, "get", "wd", "--no-headers")).split()[:3] == ["a", "5", "True"]
    other = yaml.safe_load(await _ok(cluster, "get", "widgets.v1beta1.example.com", "a", "-o", "yaml"))
    assert other["apiVersion"] == "example.com/v1beta1"
    assert "What is wanted." in await _ok(cluster, "explain", "widget.spec")
    await _ok(cluster, "delete", "crd", "widgets.example.com")
    code, _ = await cluster.api("GET", "/apis/example.com/v1/widgets")
    assert code == 404


@pytest.mark.parametrize(
    "command",
    [
        "namespace n",
        "deployment d --image=i:1 --replicas=0 --port=80",
        "configmap c --from-literal=a=b",
        "secret generic s --from-literal=a=b",
        "serviceaccount s",
        "service clusterip w --tcp=80:8080",
        "role r --verb=get --resource=pods",
        "rolebinding b --role=r --serviceaccount=default:s",
        "clusterrole r --verb=get --resource=pods,deployments.apps",
        "clusterrolebinding b --clusterrole=r --user=me",
        "job j --image=i:1",
        'cronjob c --image=i:1 --schedule="* * * * *"',
        "poddisruptionbudget p --selector=a=b --min-available=1",
        "priorityclass p --value=5",
    ],
)
async def test_create_of_typed_kinds(cluster: Cluster, command: str) -> None:
    """These send protobuf."""
    assert (await _ok(cluster, "create", *shlex.split(command))).endswith("created\n")


async def test_auth(cluster: Cluster) -> None:
    await cluster.account()
    assert await _ok(cluster, "auth", "can-i", "create", "pods") == "yes\n"
    refused = await cluster.kubectl("auth", "can-i", "create", "pods", "--as=system:serviceaccount:default:default")
    assert (refused.code, refused.out) == (1, "no\n")
    assert "kubernetes-admin" in await _ok(cluster, "auth", "whoami")
    assert (await _ok(cluster, "create", "token", "default")).count(".") == 2
    refused = await cluster.kubectl("get", "pods", "--as=nobody")
    assert refused.err == (
        'Error from server (Forbidden): pods is forbidden: User "nobody" cannot list resource "pods" in API group ""'
        ' in the namespace "default"\n'
    )


async def test_explain_and_api_resources(cluster: Cluster) -> None:
    assert "List of containers" in await _ok(cluster, "explain", "pod.spec.containers")
    resources = await _ok(cluster, "api-resources", "--no-headers", "-o", "wide")
    assert any(line.split()[:4] == ["deployments", "deploy", "apps/v1", "true"] for line in resources.splitlines())
    assert "events" in resources
    assert "apps/v1" in (await _ok(cluster, "api-versions")).splitlines()
    assert "Server Version: v1.32" in await _ok(cluster, "version")


async def test_watch_prints_changes(cluster: Cluster, pod: Callable[..., dict[str, Any]]) -> None:
    await cluster.account()
    await cluster.apply(pod())
    process = await asyncio.create_subprocess_exec(
        "kubectl",
        f"--kubeconfig={cluster.directory / 'admin.conf'}",
        *("get", "pods", "--watch", "--no-headers", "--output-watch-events"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            assert (await process.stdout.readline()).split()[:2] == [b"ADDED", b"p"]
            await cluster.api("DELETE", "/api/v1/namespaces/default/pods/p")
            assert (await process.stdout.readline()).split()[:2] == [b"DELETED", b"p"]
    finally:
        process.terminate()
        await process.communicate()


async def test_wait_for_deletion_and_conditions(cluster: Cluster) -> None:
    await cluster.apply(DEPLOYMENT)
    waiting = asyncio.create_task(cluster.kubectl("wait", "--for=condition=Available", "deploy/web", "--timeout=60s"))
    condition = {"type": "Available", "status": "True"}
    path = "/apis/apps/v1/namespaces/default/deployments/web/status"
    patch = {"status": {"conditions": [condition]}}
    code, _ = await cluster.api("PATCH", path, patch, media="application/strategic-merge-patch+json")
    assert code == 200
    assert (await waiting).out == "deployment.apps/web condition met\n"
    waiting = asyncio.create_task(cluster.kubectl("wait", "--for=delete", "deploy/web", "--timeout=60s"))
    await cluster.api("DELETE", "/apis/apps/v1/namespaces/default/deployments/web")
    assert (await waiting).code == 0


async def running(cluster: Cluster, body: dict[str, Any], phase: str = "Running") -> None:
    await cluster.account()
    path = "/api/v1/namespaces/default/pods"
    await cluster.api("POST", path, {**body, "spec": {"nodeName": "n", **body["spec"]}})
    patch = {"status": {"phase": phase}}
    name = body["metadata"]["name"]
    code, _ = await cluster.api("PATCH", f"{path}/{name}/status", patch, media="application/merge-patch+json")
    assert code == 200


async def test_a_pod_that_no_node_has_yet(cluster: Cluster, pod: Callable[..., dict[str, Any]]) -> None:
    await cluster.account()
    await cluster.api("POST", "/api/v1/namespaces/default/pods", pod())
    assert await cluster.kubectl("logs", "p") == (0, "", "")
    for command in (("exec", "p", "--", "true"), ("attach", "p")):
        refused = await cluster.kubectl(*command)
        assert "pod p does not have a host assigned" in refused.err


async def test_logs(cluster: Cluster, pod: Callable[..., dict[str, Any]]) -> None:
    two = [{"name": "c", "image": "x:1"}, {"name": "d", "image": "x:1"}]
    await running(cluster, pod(containers=two))
    cluster.node.lines = [b"one\n", b"two\n"]
    assert await _ok(cluster, "logs", "p", "-c", "c") == "one\ntwo\n"
    assert await _ok(cluster, "logs", "p", "-c", "d", "--tail=1") == "two\n"
    following = asyncio.create_task(cluster.kubectl("logs", "-f", "p", "-c", "c"))
    cluster.node.more.set()
    assert (await following).out == "one\ntwo\nmore\n"
    assert cluster.node.asked[-1]["follow"] is True
    bounds = ("--limit-bytes=5", "--since-time=2026-01-01T00:00:00Z")
    assert await _ok(cluster, "logs", "p", "-c", "c", *bounds) == "one\nt"
    assert cluster.node.since == 1767225600.0
    done = await cluster.kubectl("logs", "p", "-c", "x")
    assert "container x is not valid for pod p" in done.err


@contextlib.asynccontextmanager
async def _echo() -> AsyncIterator[tuple[str, int]]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello\n")
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write(b"bye\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[:2]


@pytest.mark.parametrize("web_sockets", ["true", "false"])
async def test_port_forward(cluster: Cluster, pod: Callable[..., dict[str, Any]], web_sockets: str) -> None:
    await running(cluster, pod())
    async with _echo() as address:
        cluster.node.ports[8080] = address
        process = await asyncio.create_subprocess_exec(
            "kubectl",
            f"--kubeconfig={cluster.directory / 'admin.conf'}",
            "port-forward",
            "pod/p",
            ":8080",
            ":9999",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "KUBECTL_PORT_FORWARD_WEBSOCKETS": web_sockets},
        )
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            async with asyncio.timeout(30):
                ports = [int((await process.stdout.readline()).split(b":")[1].split()[0])]
                while len(ports) < 2:
                    line = await process.stdout.readline()
                    if b"127.0.0.1" in line:
                        ports.append(int(line.split(b":")[1].split()[0]))
                for _ in range(2):
                    reader, writer = await asyncio.open_connection("127.0.0.1", ports[0])
                    payload = os.urandom(300_000)
                    writer.write(payload)
                    assert await reader.readexactly(6 + len(payload)) == b"hello\n" + payload
                    writer.write_eof()
                    assert await reader.read() == b"bye\n"
                    writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", ports[1])
                assert await reader.read() == b""
                writer.close()
                error = b""
                while b"nothing listens on 9999" not in error:
                    error += await process.stderr.readline()
        finally:
            process.terminate()
            await process.communicate()


async def test_prune(cluster: Cluster) -> None:
    """kubectl lists kinds that are not implemented here too."""

    def config(name: str) -> dict[str, Any]:
        meta = {"name": name, "namespace": "default", "labels": {"app": "x"}}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}

    prune = ("apply", "-f", "-", "--prune", "-l", "app=x")
    done = await cluster.kubectl(*prune, stdin=[config("a"), config("b")])
    assert done.code == 0, done.err
    done = await cluster.kubectl(*prune, stdin=[config("a")])
    assert done.out == "configmap/a unchanged\nconfigmap/b pruned\n", done.err


async def test_kinds_that_cannot_be_made(cluster: Cluster) -> None:
    assert (await cluster.kubectl("get", "pvc,pv,rc")).err == "No resources found\n"
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"}, "spec": spec}
    refused = await cluster.kubectl("create", "-f", "-", stdin=[claim])
    assert refused.code == 1
    assert "persistentvolumeclaims: not implemented by the sandbox's API server" in refused.err


async def test_kinds_that_are_kept_and_not_acted_upon(cluster: Cluster) -> None:
    """Manifests with them can be applied; whoever does is told."""
    await _ok(cluster, "create", "deployment", "web", "--image=x:1")
    for command, kind, shown in (
        (("create", "ingress", "i", "--rule=a.b/c*=svc:80", "--class=c"), "ing", ["i", "c", "a.b", "80"]),
        (("create", "quota", "q", "--hard=pods=5"), "quota", ["q"]),
        (
            ("autoscale", "deployment", "web", "--max=3", "--cpu-percent=80"),
            "hpa",
            ["web", "Deployment/web", "cpu:", "<unknown>/80%", "1", "3", "0"],
        ),
    ):
        done = await cluster.kubectl(*command)
        assert (done.code, "Warning: the sandbox stores" in done.err) == (0, True), done.err
        found = (await _ok(cluster, "get", kind, "--no-headers")).split()
        assert found[: len(shown)] == shown
        assert (await cluster.kubectl("describe", kind)).code == 0
        await _ok(cluster, "delete", kind, "--all")
