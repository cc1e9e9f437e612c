"""Emojivoto, a Prometheus configured by examples/monitoring, and viz over both kinds of its measurements."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from urllib.parse import quote

import yaml
from tools.demo import ROOT

from linkerd_kube import portforward
from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import PODS
from linkerd_sandbox.testing.cluster import Cluster
from linkerd_testkit.ports import free_port
from linkerd_testkit.prometheus import discovered, in_namespaces, with_file_discovery

VIZ = "linkerd-viz"
SPACE = "emojivoto"
MONITORING = "monitoring"
URL = f"http://prometheus.{MONITORING}:9090"
EXAMPLES = ROOT / "examples/monitoring"
OWN = "metrics-api-own"
"""A second metrics API, which scrapes by itself."""
_IMAGE = "e2e.test/prometheus:1"
_PORT = 9090
_EMOJIVOTO = ROOT / "examples/emojivoto"
_PROFILE: JsonObject = {
    "apiVersion": "linkerd.io/v1alpha2",
    "kind": "ServiceProfile",
    "metadata": {"name": f"voting.{SPACE}.svc.cluster.local", "namespace": SPACE},
    "spec": {
        "routes": [
            {
                "name": "VoteDoughnut",
                "condition": {"method": "POST", "pathRegex": r"/emojivoto\.v1\.VotingService/VoteDoughnut"},
                "isRetryable": True,
            }
        ],
        "retryBudget": {"retryRatio": 0.2, "minRetriesPerSecond": 1, "ttl": "10s"},
    },
}


def emojivoto() -> list[JsonObject]:
    """Meshed, with a canary, a profile, and a client without a sidecar that web's policy denies."""
    objects: list[JsonObject] = []
    for file in ("emojivoto.yml", "canary/web-versions.yml", "canary/web-split.yml"):
        objects += yaml.safe_load_all((_EMOJIVOTO / file).read_text())
    deployments = {o["metadata"]["name"]: o for o in objects if o["kind"] == "Deployment"}
    for name, found in deployments.items():
        annotations = found["spec"]["template"]["metadata"].setdefault("annotations", {})
        annotations["linkerd.io/inject"] = "enabled"
        if name == "web":
            annotations["config.linkerd.io/default-inbound-policy"] = "all-authenticated"
    stranger = json.loads(json.dumps(deployments["vote-bot"]).replace('"vote-bot"', '"stranger"'))
    template = stranger["spec"]["template"]
    template["metadata"]["annotations"]["linkerd.io/inject"] = "disabled"
    template["spec"]["containers"][0]["image"] = deployments["vote-bot"]["spec"]["template"]["spec"]["containers"][0][
        "image"
    ]
    return [*objects, stranger, _PROFILE]


def _monitoring(cluster: Cluster) -> list[JsonObject]:
    """Prometheus, told of the pods that there are now."""
    pods = cluster.do(cluster.client.get(PODS.path(None)))["items"]
    configuration = yaml.safe_load((EXAMPLES / "prometheus.yml").read_text())
    files: dict[str, str] = {"alerts.yml": (EXAMPLES / "alerts.yml").read_text()}
    jobs = configuration["scrape_configs"]
    for job in jobs:
        files[f"{job['job_name']}.json"] = json.dumps(in_namespaces(job, discovered(pods)))
    configuration["scrape_configs"] = [with_file_discovery(job, f"{job['job_name']}.json") for job in jobs]
    files["prometheus.yml"] = yaml.safe_dump(configuration)
    metadata = {"name": "prometheus", "namespace": MONITORING}
    labels = {"app": "prometheus"}
    container = {
        "name": "prometheus",
        "image": _IMAGE,
        "args": ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/data"],
        "ports": [{"name": "http", "containerPort": _PORT}],
        "readinessProbe": {"httpGet": {"path": "/-/ready", "port": _PORT}, "periodSeconds": 1},
        "volumeMounts": [
            {"name": "configuration", "mountPath": "/etc/prometheus"},
            {"name": "data", "mountPath": "/data"},
        ],
    }
    volumes = [{"name": "configuration", "configMap": {"name": "prometheus"}}, {"name": "data", "emptyDir": {}}]
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": MONITORING}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": files},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"selector": labels, "ports": [{"port": 9090, "targetPort": _PORT}]},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [container], "volumes": volumes},
                },
            },
        },
    ]


def _own_metrics_api(manifests: str) -> JsonObject:
    """The Deployment of `linkerd viz install`, by another name."""
    found = [o for o in yaml.safe_load_all(manifests) if (o["kind"], o["metadata"]["name"]) == _METRICS_API]
    (text,) = (json.dumps(o) for o in found)
    own: JsonObject = json.loads(text)
    own["metadata"]["name"] = OWN
    for labels in (own["spec"]["selector"]["matchLabels"], own["spec"]["template"]["metadata"]["labels"]):
        labels["component"] = OWN
    return own


_METRICS_API = ("Deployment", "metrics-api")


class Monitored:
    """The cluster, and where both metrics APIs and the Prometheus answer."""

    def __init__(self, cluster: Cluster, own: str) -> None:
        self.cluster = cluster
        self._own = own

    def viz(self, *arguments: str, own: bool, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`linkerd viz …`, of the store of its own or of the installed one that asks the Prometheus."""
        flags = ["--api-addr", self._own] if own else []
        return self.cluster.run("linkerd", "viz", *arguments, *flags, check=check)

    def prometheus(self, path: str) -> JsonObject | list[JsonObject]:
        """`data` of an answer of its API."""
        name = self.cluster.pod(MONITORING, "prometheus")["metadata"]["name"]
        body = self.cluster.do(portforward.http_get(self.cluster.client, MONITORING, name, _PORT, f"/api/v1/{path}"))
        data: JsonObject | list[JsonObject] = json.loads(body)["data"]
        return data

    def query(self, expression: str) -> list[JsonObject]:
        """The series of an instant query."""
        data = self.prometheus(f"query?query={quote(expression)}")
        assert isinstance(data, dict)
        assert data["resultType"] == "vector", data
        found: list[JsonObject] = data["result"]
        return found


@contextlib.contextmanager
def monitored(cluster: Cluster) -> Iterator[Monitored]:
    """All of it, until the end of the block."""
    try:
        cluster.run("linkerd", "sandbox", "image", "add", _IMAGE, "--", "prometheus")
        install = ["linkerd", "viz", "install", "--set", f"prometheusUrl={URL}"]
        manifests = cluster.run(*install).stdout
        cluster.run("kubectl", "apply", "-f", "-", stdin=manifests)
        own = _own_metrics_api(cluster.run("linkerd", "viz", "install").stdout)
        cluster.apply(*emojivoto(), own)
        names = [o["metadata"]["name"] for o in emojivoto() if o["kind"] == "Deployment"]
        cluster.await_available(SPACE, *names, seconds=90)
        cluster.await_available(VIZ, "metrics-api", OWN, "tap", seconds=90)
        cluster.apply(*_monitoring(cluster))
        cluster.await_available(MONITORING, "prometheus", seconds=60)
        with _forwarded(cluster, VIZ, f"deploy/{OWN}", 9991) as address:
            yield Monitored(cluster, address)
    finally:
        spaces = ["kubectl", "delete", "namespace", SPACE, MONITORING, "--ignore-not-found"]
        cluster.run(*spaces, seconds=180, check=False)
        uninstall = "linkerd viz uninstall | kubectl delete --ignore-not-found -f -"
        cluster.run("sh", "-c", uninstall, seconds=180, check=False)


@contextlib.contextmanager
def _forwarded(cluster: Cluster, namespace: str, resource: str, port: int) -> Iterator[str]:
    local = free_port()
    command = ["kubectl", "-n", namespace, "port-forward", resource, f"{local}:{port}"]
    with subprocess.Popen(command, env=cluster.environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert "Forwarding from" in process.stdout.readline()
            yield f"127.0.0.1:{local}"
        finally:
            process.terminate()
