"""A real Prometheus for tests, and what its discovery of pods would tell it.

Debian's is built without Kubernetes discovery, so that part is done here: the rest of a configuration is used as it is.
"""

import re
import shutil
import signal
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypedDict

import aiohttp

from linkerd_kube.objects import JsonObject
from linkerd_testkit.ports import eventually, free_port
from linkerd_testkit.processes import running

MISSING = (
    ""
    if shutil.which("prometheus") and shutil.which("promtool")
    else "no prometheus and promtool on PATH; `apt-get install prometheus` brings both"
)
"""Why tests that need one are skipped; empty where there is one."""
_META = "__meta_kubernetes_"


class TargetGroup(TypedDict):
    """An entry of a file of file_sd_configs."""

    targets: list[str]
    labels: dict[str, str]


def discovered(pods: Iterable[JsonObject]) -> list[TargetGroup]:
    """What kubernetes_sd_configs with `role: pod` finds: a target for each port of each container.

    The labels that Prometheus's documentation lists for the role, those of pods without an address left out. PURE.
    """
    return [
        {"targets": [_address(pod["status"]["podIP"], port.get("containerPort"))], "labels": labels}
        for pod in pods
        if pod.get("status", {}).get("podIP")
        for container, init in _containers(pod)
        for port in container.get("ports") or [{}]
        if (labels := {**_of_pod(pod), **_of_port(container, port, init)})
    ]


def _address(ip: str, port: int | None) -> str:
    host = f"[{ip}]" if ":" in ip else ip
    return host if port is None else f"{host}:{port}"


def _containers(pod: JsonObject) -> Iterator[tuple[JsonObject, bool]]:
    for container in pod["spec"]["containers"]:
        yield container, False
    for container in pod["spec"].get("initContainers", ()):
        yield container, True


def _of_pod(pod: JsonObject) -> dict[str, str]:
    meta, status = pod["metadata"], pod["status"]
    labels = {
        f"{_META}namespace": meta["namespace"],
        f"{_META}pod_name": meta["name"],
        f"{_META}pod_uid": meta.get("uid", ""),
        f"{_META}pod_ip": status["podIP"],
        f"{_META}pod_phase": status.get("phase", ""),
        f"{_META}pod_node_name": pod["spec"].get("nodeName", ""),
        f"{_META}pod_host_ip": status.get("hostIP", ""),
    }
    for part, found in (("label", meta.get("labels")), ("annotation", meta.get("annotations"))):
        for name, value in (found or {}).items():
            name = re.sub(r"\W", "_", name, flags=re.ASCII)
            labels[f"{_META}pod_{part}_{name}"] = value
            labels[f"{_META}pod_{part}present_{name}"] = "true"
    controller = next((o for o in meta.get("ownerReferences", ()) if o.get("controller")), None)
    if controller is not None:
        labels[f"{_META}pod_controller_kind"] = controller["kind"]
        labels[f"{_META}pod_controller_name"] = controller["name"]
    return labels


def _of_port(container: JsonObject, port: JsonObject, init: bool) -> dict[str, str]:
    labels = {
        f"{_META}pod_container_name": container["name"],
        f"{_META}pod_container_image": container.get("image", ""),
        f"{_META}pod_container_init": str(init).lower(),
    }
    if port:
        labels[f"{_META}pod_container_port_name"] = port.get("name", "")
        labels[f"{_META}pod_container_port_number"] = str(port["containerPort"])
        labels[f"{_META}pod_container_port_protocol"] = port.get("protocol", "TCP")
    return labels


def with_file_discovery(job: Mapping[str, object], file: str) -> dict[str, object]:
    """A job of `scrape_configs` whose pods are read from a file of target groups."""
    named = {key: value for key, value in job.items() if key != "kubernetes_sd_configs"}
    assert len(named) < len(job), f"{job.get('job_name')} does not discover pods"
    return {**named, "file_sd_configs": [{"files": [file], "refresh_interval": "5s"}]}


def in_namespaces(job: Mapping[str, object], groups: Iterable[TargetGroup]) -> list[TargetGroup]:
    """Those that the job's kubernetes_sd_configs would see."""
    configurations = job["kubernetes_sd_configs"]
    assert isinstance(configurations, list)
    assert [found["role"] for found in configurations] == ["pod"]
    names = configurations[0].get("namespaces", {}).get("names")
    return [group for group in groups if names is None or group["labels"][f"{_META}namespace"] in names]


@asynccontextmanager
async def prometheus(configuration: Path, data: Path) -> AsyncIterator[str]:
    """The URL of one that runs until the end of the block. Raises RuntimeError where it ends, TimeoutError."""
    port = free_port()
    command = (
        "prometheus",
        f"--config.file={configuration}",
        f"--storage.tsdb.path={data}",
        f"--web.listen-address=127.0.0.1:{port}",
    )
    async with running(*command) as process, aiohttp.ClientSession() as session:

        async def ready() -> bool:
            if process.returncode is not None:
                raise RuntimeError(f"prometheus ended with {process.returncode}:\n{process.output}")
            try:
                async with session.get(f"http://127.0.0.1:{port}/-/ready") as response:
                    return response.status == 200
            except aiohttp.ClientError:
                return False

        await eventually(ready, seconds=60, what="a ready Prometheus")
        yield f"http://127.0.0.1:{port}"
        process.send(signal.SIGTERM)
        await process.wait(seconds=30)
