"""Defaults."""

from typing import Any

import pytest

from linkerd_sandbox.apiserver import defaults
from linkerd_sandbox.apiserver.defaults.pods import first_status, qos_class


def _fill(bucket: str, body: dict[str, Any]) -> dict[str, Any]:
    defaults.fill(bucket, body)
    return body


def test_pods() -> None:
    probe = {"grpc": {"port": 1}}
    container = {
        "name": "c",
        "image": "r:5000/i",
        "ports": [{"containerPort": 1}],
        "livenessProbe": probe,
        "lifecycle": {"preStop": {"httpGet": {"port": 1}}},
    }
    volumes: list[dict[str, Any]] = [
        {"name": "a"},
        {"name": "b", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
    ]
    spec = _fill("pods", {"spec": {"containers": [container], "volumes": volumes, "serviceAccount": "s"}})["spec"]
    assert (spec["restartPolicy"], spec["dnsPolicy"], spec["enableServiceLinks"]) == ("Always", "ClusterFirst", True)
    assert spec["serviceAccountName"] == "s"
    (filled,) = spec["containers"]
    assert (filled["imagePullPolicy"], filled["ports"][0]["protocol"]) == ("Always", "TCP")
    assert filled["livenessProbe"] == {
        "grpc": {"port": 1, "service": ""},
        "failureThreshold": 3,
        "periodSeconds": 10,
        "successThreshold": 1,
        "timeoutSeconds": 1,
    }
    assert filled["lifecycle"]["preStop"]["httpGet"] == {"port": 1, "path": "/", "scheme": "HTTP"}
    assert spec["volumes"][0] == {"name": "a", "emptyDir": {}}
    assert spec["volumes"][1]["projected"]["defaultMode"] == 0o644
    assert spec["volumes"][1]["projected"]["sources"][0]["serviceAccountToken"]["expirationSeconds"] == 3600


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("a", "Always"),
        ("a:latest", "Always"),
        ("a:1", "IfNotPresent"),
        ("h:5000/a", "Always"),
        ("h:5000/a:1", "IfNotPresent"),
        ("a@sha256:0", "IfNotPresent"),
    ],
)
def test_pull_policies(image: str, policy: str) -> None:
    spec = _fill("pods", {"spec": {"containers": [{"image": image}]}})["spec"]
    assert spec["containers"][0]["imagePullPolicy"] == policy


@pytest.mark.parametrize(
    ("resources", "quality"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1"}, "requests": {"cpu": "1", "memory": "1"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1"}, "requests": {"cpu": "1", "memory": "0"}}, "Burstable"),
    ],
)
def test_quality_of_service(resources: dict[str, Any], quality: str) -> None:
    spec = {"containers": [{"resources": resources}]}
    assert qos_class(spec) == quality
    assert first_status({"spec": spec}) == {"phase": "Pending", "qosClass": quality}


@pytest.mark.parametrize(
    ("bucket", "body", "expected"),
    [
        (
            "services",
            {"spec": {"ports": [{"port": 80}]}},
            {
                "type": "ClusterIP",
                "sessionAffinity": "None",
                "internalTrafficPolicy": "Cluster",
                "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
            },
        ),
        (
            "statefulsets.apps",
            {"spec": {}},
            {
                "replicas": 1,
                "podManagementPolicy": "OrderedReady",
                "revisionHistoryLimit": 10,
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
                "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            },
        ),
        (
            "networkpolicies.networking.k8s.io",
            {"spec": {"egress": [{"ports": [{"port": 1}]}]}},
            {
                "podSelector": {},
                "policyTypes": ["Ingress", "Egress"],
                "egress": [{"ports": [{"port": 1, "protocol": "TCP"}]}],
            },
        ),
    ],
)
def test_specs(bucket: str, body: dict[str, Any], expected: dict[str, Any]) -> None:
    assert _fill(bucket, body)["spec"] == expected


def test_secrets_take_text() -> None:
    assert _fill("secrets", {"stringData": {"a": "b"}, "data": {"c": "ZA=="}}) == {
        "type": "Opaque",
        "data": {"a": "Yg==", "c": "ZA=="},
    }


def test_webhooks() -> None:
    webhook = {"clientConfig": {"service": {"name": "s"}}, "rules": [{}]}
    body = _fill(
        "mutatingwebhookconfigurations.admissionregistration.k8s.io",
        {"kind": "MutatingWebhookConfiguration", "webhooks": [webhook]},
    )
    (filled,) = body["webhooks"]
    assert (filled["failurePolicy"], filled["matchPolicy"], filled["timeoutSeconds"]) == ("Fail", "Equivalent", 10)
    assert filled["reinvocationPolicy"] == "Never"
    assert filled["clientConfig"]["service"]["port"] == 443
    assert filled["rules"][0]["scope"] == "*"


@pytest.mark.parametrize(
    "bucket", ["pods", "services", "deployments.apps", "jobs.batch", "secrets", "events", "cronjobs.batch"]
)
def test_filling_twice_changes_nothing_more(bucket: str) -> None:
    once = _fill(bucket, {"kind": "X", "spec": {"template": {"spec": {"containers": [{"image": "i"}]}}}})
    assert _fill(bucket, once) == once


def test_kinds_that_are_only_kept() -> None:
    spec = _fill("horizontalpodautoscalers.autoscaling", {"spec": {"maxReplicas": 2}})["spec"]
    assert spec["minReplicas"] == 1
    assert spec["metrics"][0]["resource"] == {
        "name": "cpu",
        "target": {"type": "Utilization", "averageUtilization": 80},
    }
    assert _fill("resourcequotas", {"spec": {"hard": {"pods": 5, "cpu": "1"}}})["spec"]["hard"] == {
        "pods": "5",
        "cpu": "1",
    }
    limits = [
        {"type": "Container", "max": {"cpu": 2}, "default": {"memory": "1Gi"}},
        {"type": "Pod", "max": {"cpu": 2}},
    ]
    container, pod = _fill("limitranges", {"spec": {"limits": limits}})["spec"]["limits"]
    assert container["default"] == container["defaultRequest"] == {"cpu": "2", "memory": "1Gi"}
    assert pod == {"type": "Pod", "max": {"cpu": "2"}}
