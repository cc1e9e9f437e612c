"""Which targets, and with which labels, the configurations make of the same pods: decided by a real Prometheus."""

import asyncio
import json
from pathlib import Path

import aiohttp
import pytest
import yaml

from linkerd_kube.objects import JsonObject
from linkerd_testkit.ports import eventually
from linkerd_testkit.prometheus import MISSING, discovered, in_namespaces, prometheus, with_file_discovery

HERE = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING or "-")
_POD = "__meta_kubernetes_pod"
Found = dict[str, dict[str, str]]
"""Labels by address."""


def _pod(name: str, namespace: str, labels: dict[str, str], address: str, **ports: JsonObject) -> JsonObject:
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"containers": [{"name": container, "ports": [port]} for container, port in ports.items()]},
        "status": {"podIP": address, "phase": "Running"},
    }


def _port(name: str, number: int) -> JsonObject:
    return {"name": name, "containerPort": number}


MESHED = {
    "app": "web",
    "linkerd.io/control-plane-ns": "linkerd",
    "linkerd.io/workload-ns": "x",
    "linkerd.io/proxy-deployment": "web",
}
PODS = [
    _pod("web-1-a", "x", MESHED, "127.0.0.2", web=_port("http", 80))
    | {
        "spec": {
            "containers": [{"name": "web", "ports": [_port("admin", 9990)]}],
            "initContainers": [
                {"name": "linkerd-proxy", "ports": [_port("linkerd-proxy", 4143), _port("linkerd-admin", 4191)]}
            ],
        }
    },
    _pod(
        "job-a",
        "x",
        {"linkerd.io/control-plane-ns": "linkerd", "linkerd.io/proxy-job": "job", "linkerd.io/workload-ns": "x"},
        "127.0.0.3",
        **{"linkerd-proxy": _port("linkerd-admin", 4191)},
    ),
    # Of another mesh, and no sidecar at all, whatever its port is called.
    _pod(
        "other",
        "x",
        {"linkerd.io/control-plane-ns": "linkerd-2", "linkerd.io/proxy-deployment": "other"},
        "127.0.0.4",
        **{"linkerd-proxy": _port("linkerd-admin", 4191)},
    ),
    _pod("plain", "x", {"app": "plain"}, "127.0.0.5", plain=_port("linkerd-admin", 4191)),
    _pod(
        "linkerd-identity-1",
        "linkerd",
        {"linkerd.io/control-plane-component": "identity"},
        "127.0.0.6",
        identity=_port("admin", 9990),
    ),
    _pod("metrics-api-1", "linkerd-viz", {"linkerd.io/extension": "viz"}, "127.0.0.7", tap=_port("admin", 9990)),
    # An application's port of that name is none of ours.
    _pod("app", "x", {"app": "app"}, "127.0.0.8", app=_port("admin", 9990)),
]
WEB = {
    "namespace": "x",
    "pod": "web-1-a",
    "deployment": "web",
    "control_plane_ns": "linkerd",
    "workload_ns": "x",
    "job": "linkerd-proxy",
    "instance": "127.0.0.2:4191",
}
JOB = {
    "namespace": "x",
    "pod": "job-a",
    "k8s_job": "job",
    "control_plane_ns": "linkerd",
    "workload_ns": "x",
    "job": "linkerd-proxy",
    "instance": "127.0.0.3:4191",
}
IDENTITY = {
    "namespace": "linkerd",
    "pod": "linkerd-identity-1",
    "component": "identity",
    "job": "linkerd-controller",
    "instance": "127.0.0.6:9990",
}
VIZ = {
    "namespace": "linkerd-viz",
    "pod": "metrics-api-1",
    "component": "tap",
    "job": "linkerd-controller",
    "instance": "127.0.0.7:9990",
}
CONTROLLERS = {"127.0.0.6:9990": IDENTITY, "127.0.0.7:9990": VIZ}
SIDECARS = {"127.0.0.2:4191": WEB, "127.0.0.3:4191": JOB}


def _monitored(monitor: JsonObject) -> list[JsonObject]:
    """What the operator makes of a PodMonitor: jobs whose labels are set first by its own rules, then by the monitor's.

    Only of what ours use; anything else fails, so that it is not passed over.
    """
    spec, meta = dict(monitor["spec"]), monitor["metadata"]
    namespaces, selector = spec.pop("namespaceSelector"), spec.pop("selector")
    endpoints = spec.pop("podMetricsEndpoints")
    assert not spec, spec
    discovery: JsonObject = {"role": "pod"}
    if not namespaces.get("any"):
        discovery["namespaces"] = {"names": namespaces["matchNames"]}
    chosen = [_keep(f"{_POD}_label_{_name(label)}", value) for label, value in selector.pop("matchLabels", {}).items()]
    assert not selector, selector
    jobs = []
    for number, endpoint in enumerate(endpoints):
        assert set(endpoint) == {"port", "interval", "relabelings"}
        rules = [
            *chosen,
            _keep(f"{_POD}_container_port_name", endpoint["port"]),
            _copy("__meta_kubernetes_namespace", "namespace"),
            _copy(f"{_POD}_container_name", "container"),
            _copy(f"{_POD}_name", "pod"),
            {"target_label": "job", "replacement": f"{meta['namespace']}/{meta['name']}"},
            {"target_label": "endpoint", "replacement": endpoint["port"]},
            *({_snake(key): value for key, value in rule.items()} for rule in endpoint["relabelings"]),
        ]
        name = f"podMonitor/{meta['namespace']}/{meta['name']}/{number}"
        jobs.append({"job_name": name, "kubernetes_sd_configs": [discovery], "relabel_configs": rules})
    return jobs


def _keep(label: str, value: str) -> JsonObject:
    return {"action": "keep", "source_labels": [label], "regex": value}


def _copy(label: str, to: str) -> JsonObject:
    return {"source_labels": [label], "target_label": to}


def _name(label: str) -> str:
    return "".join(character if character.isalnum() else "_" for character in label)


def _snake(key: str) -> str:
    return {"sourceLabels": "source_labels", "targetLabel": "target_label"}.get(key, key)


async def _targets(jobs: list[JsonObject], directory: Path) -> dict[str, Found]:
    """The labels of each job's targets, as a Prometheus would scrape them."""
    configured = []
    for number, job in enumerate(jobs):
        file = directory / f"{number}.json"
        file.write_text(json.dumps(in_namespaces(job, discovered(PODS))))
        configured.append(with_file_discovery(job, str(file)))
    (directory / "prometheus.yml").write_text(yaml.safe_dump({"scrape_configs": configured}))
    async with prometheus(directory / "prometheus.yml", directory / "data") as url, aiohttp.ClientSession() as session:

        async def asked() -> JsonObject:
            async with session.get(f"{url}/api/v1/targets") as response:
                data: JsonObject = (await response.json())["data"]
                return data

        async def everything() -> JsonObject | None:
            data = await asked()
            seen = {t["scrapePool"] for t in data["activeTargets"]}
            return data if seen == {job["job_name"] for job in jobs} else None

        data = await eventually(everything, seconds=30, what="targets of every job")
    assert data is not None
    found: dict[str, Found] = {}
    for target in data["activeTargets"]:
        found.setdefault(target["scrapePool"], {})[target["labels"]["instance"]] = target["labels"]
    return found


def test_prometheus_the_operator_and_the_collector_scrape_the_same_with_the_same_labels(tmp_path: Path) -> None:
    jobs = yaml.safe_load((HERE / "prometheus.yml").read_text())["scrape_configs"]
    monitors = [job for m in yaml.safe_load_all((HERE / "podmonitor.yml").read_text()) for job in _monitored(m)]
    # The collector expands ${NAME}, and $$ is how it writes $.
    collector = yaml.safe_load((HERE / "otel-collector.yml").read_text().replace("$$", "$"))
    scraped = collector["receivers"]["prometheus"]["config"]["scrape_configs"]
    for job in scraped:
        job["job_name"] = f"collector/{job['job_name']}"
        job["relabel_configs"].append({"target_label": "job", "replacement": job["job_name"].partition("/")[2]})
    found = asyncio.run(_targets([*jobs, *monitors, *scraped], tmp_path))
    assert found.pop("linkerd-proxy") == SIDECARS
    assert found.pop("linkerd-controller") == CONTROLLERS
    assert found.pop("collector/linkerd-proxy") == SIDECARS
    for name, expected, port in (("proxy", SIDECARS, "linkerd-admin"), ("controller", CONTROLLERS, "admin")):
        targets = found.pop(f"podMonitor/linkerd-viz/linkerd-{name}/0")
        for labels in targets.values():
            # The operator's own.
            assert labels.pop("endpoint") == port
            assert labels.pop("container")
        assert targets == expected
    assert not found
