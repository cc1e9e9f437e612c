"""What discovery would tell a Prometheus about a pod, and a Prometheus that starts and ends."""

from pathlib import Path

import aiohttp
import pytest

from linkerd_kube.objects import JsonObject
from linkerd_testkit.prometheus import MISSING, discovered, in_namespaces, prometheus, with_file_discovery

POD: JsonObject = {
    "metadata": {
        "name": "web-1-a",
        "namespace": "x",
        "uid": "u",
        "labels": {"linkerd.io/proxy-deployment": "web"},
        "annotations": {"a.b/c": "d"},
        "ownerReferences": [{"kind": "Job", "name": "no"}, {"kind": "ReplicaSet", "name": "web-1", "controller": True}],
    },
    "spec": {
        "nodeName": "n",
        "containers": [{"name": "web", "image": "i"}],
        "initContainers": [{"name": "linkerd-proxy", "ports": [{"name": "linkerd-admin", "containerPort": 4191}]}],
    },
    "status": {"podIP": "10.42.0.3", "hostIP": "10.0.0.1", "phase": "Running"},
}


def test_a_target_for_each_port_and_one_for_a_container_without() -> None:
    web, proxy = discovered([POD, {**POD, "status": {}}])
    assert (web["targets"], proxy["targets"]) == (["10.42.0.3"], ["10.42.0.3:4191"])
    labels = {name.removeprefix("__meta_kubernetes_"): value for name, value in proxy["labels"].items()}
    assert labels == {
        "namespace": "x",
        "pod_name": "web-1-a",
        "pod_uid": "u",
        "pod_ip": "10.42.0.3",
        "pod_host_ip": "10.0.0.1",
        "pod_node_name": "n",
        "pod_phase": "Running",
        "pod_controller_kind": "ReplicaSet",
        "pod_controller_name": "web-1",
        "pod_label_linkerd_io_proxy_deployment": "web",
        "pod_labelpresent_linkerd_io_proxy_deployment": "true",
        "pod_annotation_a_b_c": "d",
        "pod_annotationpresent_a_b_c": "true",
        "pod_container_name": "linkerd-proxy",
        "pod_container_image": "",
        "pod_container_init": "true",
        "pod_container_port_name": "linkerd-admin",
        "pod_container_port_number": "4191",
        "pod_container_port_protocol": "TCP",
    }


def test_addresses_of_version_6_are_bracketed() -> None:
    targets = [group["targets"] for group in discovered([{**POD, "status": {"podIP": "fd00::3"}}])]
    assert targets == [["[fd00::3]"], ["[fd00::3]:4191"]]


def test_a_job_with_files_in_place_of_discovery() -> None:
    job: dict[str, object] = {
        "job_name": "j",
        "kubernetes_sd_configs": [{"role": "pod", "namespaces": {"names": ["y"]}}],
    }
    assert with_file_discovery(job, "f.json") == {
        "job_name": "j",
        "file_sd_configs": [{"files": ["f.json"], "refresh_interval": "5s"}],
    }
    assert in_namespaces(job, discovered([POD])) == []
    assert len(in_namespaces({"kubernetes_sd_configs": [{"role": "pod"}]}, discovered([POD]))) == 2
    with pytest.raises(AssertionError, match="j does not discover pods"):
        with_file_discovery({"job_name": "j"}, "f.json")


@pytest.mark.skipif(bool(MISSING), reason=MISSING or "-")
async def test_a_prometheus_answers(tmp_path: Path) -> None:
    (tmp_path / "prometheus.yml").write_text("scrape_configs: []\n")
    async with (
        prometheus(tmp_path / "prometheus.yml", tmp_path / "data") as url,
        aiohttp.ClientSession() as session,
        session.get(f"{url}/api/v1/query", params={"query": "1"}) as response,
    ):
        assert (await response.json())["status"] == "success"


@pytest.mark.skipif(bool(MISSING), reason=MISSING or "-")
async def test_one_that_does_not_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "prometheus.yml").write_text("no: configuration\n")
    with pytest.raises(RuntimeError, match=r"(?s)prometheus ended with 2:.*field no not found"):
        async with prometheus(tmp_path / "prometheus.yml", tmp_path / "data"):
            pass
