"""Which pod belongs to what."""

import msgspec
import pytest
from services.viz.tests.mesh import emojivoto, named, pod, replica_set, service

from linkerd_viz.inventory import Inventory, Meta, Named, Owner, Pod, groups, workload_of_pods


def _shape(inventory: Inventory, kind: str) -> dict[str, list[str]]:
    return {f"{g.namespace}/{g.name}": [p.metadata.name for p in g.pods] for g in groups(inventory, kind)}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (
            "deployment",
            {
                "emojivoto/emoji": ["emoji-1-a"],
                "emojivoto/idle": [],
                "emojivoto/old": ["old-1-a"],
                "emojivoto/web": ["web-1-a"],
            },
        ),
        (
            "replicaset",
            {"emojivoto/emoji-1": ["emoji-1-a"], "emojivoto/old-1": ["old-1-a"], "emojivoto/web-1": ["web-1-a"]},
        ),
        (
            "pod",
            {"emojivoto/emoji-1-a": ["emoji-1-a"], "emojivoto/old-1-a": ["old-1-a"], "emojivoto/web-1-a": ["web-1-a"]},
        ),
        ("namespace", {"/emojivoto": ["web-1-a", "emoji-1-a", "old-1-a"], "/empty": []}),
        ("service", {"emojivoto/manual": [], "emojivoto/web-svc": ["web-1-a"]}),
        ("statefulset", {}),
    ],
)
def test_groups(kind: str, expected: dict[str, list[str]]) -> None:
    assert _shape(emojivoto(), kind) == expected


def test_pods_on_their_way_out_or_done_do_not_count() -> None:
    inventory = Inventory(
        pods=[
            pod("web-1-a", replica_set="web-1"),
            pod("web-1-b", replica_set="web-1", terminating=True),
            pod("web-1-c", replica_set="web-1", phase="Succeeded"),
            pod("web-1-d", replica_set="web-1", phase="Pending", ip=""),
        ],
        replica_sets=[replica_set("web-1", "web")],
        workloads={"deployment": [named("web")]},
    )
    assert _shape(inventory, "deployment") == {"emojivoto/web": ["web-1-a", "web-1-d"]}


def test_services_select_in_their_own_namespace() -> None:
    pods = [pod("a", labels={"app": "x"}), pod("b", namespace="other", labels={"app": "x"})]
    assert _shape(Inventory(pods=pods, services=[service("s", {"app": "x"})]), "service") == {"emojivoto/s": ["a"]}


@pytest.mark.parametrize(
    ("subject", "addr"),
    [
        (pod("a"), "10.42.0.2:4191"),
        (pod("a", ip="fd00::1"), "[fd00::1]:4191"),
        (pod("a", ip=""), None),
        (pod("a", meshed=False), None),
        (pod("a", phase="Pending"), None),
    ],
)
def test_where_metrics_are(subject: Pod, addr: str | None) -> None:
    assert subject.admin_addr == addr


def test_reads_a_real_pod_and_keeps_a_changed_admin_port() -> None:
    document = """{"apiVersion": "v1", "kind": "Pod",
      "metadata": {"name": "web-0", "namespace": "x", "uid": "1", "managedFields": [{}],
        "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "uid": "2",
          "controller": true, "blockOwnerDeletion": true}]},
      "spec": {"nodeName": "n", "serviceAccountName": "web", "containers": [
        {"name": "linkerd-proxy", "image": "p", "ports": [{"name": "linkerd-admin", "containerPort": 5191,
          "protocol": "TCP"}]}]},
      "status": {"phase": "Running", "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]}}"""
    decoded = msgspec.json.decode(document, type=Pod)
    assert decoded.admin_addr == "10.0.0.1:5191"
    assert _shape(Inventory(pods=[decoded]), "statefulset") == {"x/web": ["web-0"]}


def test_pods_of_cron_jobs_and_replication_controllers() -> None:
    job = Named(Meta("nightly-1", "emojivoto", owner_references=[Owner("CronJob", "nightly", True)]))
    once = named("once")
    pods = [
        owned("nightly-1-a", Owner("Job", "nightly-1", True)),
        owned("once-a", Owner("Job", "once", True)),
        owned("old-a", Owner("ReplicationController", "old", True)),
    ]
    inventory = Inventory(pods=pods, jobs=[job, once])
    assert _shape(inventory, "cronjob") == {"emojivoto/nightly": ["nightly-1-a"]}
    assert _shape(inventory, "job") == {"emojivoto/nightly-1": ["nightly-1-a"], "emojivoto/once": ["once-a"]}
    assert _shape(inventory, "replicationcontroller") == {"emojivoto/old": ["old-a"]}
    assert set(workload_of_pods(inventory).values()) == {
        ("cronjob", "emojivoto", "nightly"),
        ("job", "emojivoto", "once"),
        ("replicationcontroller", "emojivoto", "old"),
    }


def owned(name: str, owner: Owner) -> Pod:
    made = pod(name)
    return msgspec.structs.replace(made, metadata=msgspec.structs.replace(made.metadata, owner_references=[owner]))
