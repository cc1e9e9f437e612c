"""The webhook over TLS: pods and Services, skips, warnings, refusals, and hostile reviews."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from services.injector.tests.helpers import HOST, Obj, Running, patched, pod, review, running

from linkerd_rules.injection.annotations import SETTINGS
from linkerd_testkit.kube import FakeKube
from linkerd_testkit.ports import eventually

INJECT = "linkerd.io/inject"
OPAQUE = "config.linkerd.io/opaque-ports"


@pytest.fixture
async def injector(kube: FakeKube) -> AsyncIterator[Running]:
    async with running(kube) as replica:
        await replica.ready()
        yield replica


@pytest.mark.parametrize(
    ("namespace", "annotation", "injected"),
    [
        ("emojivoto", None, True),
        ("emojivoto", "disabled", False),
        ("emojivoto", "sure", False),
        ("plain", None, False),
        ("plain", "enabled", True),
        ("plain", "ingress", True),
    ],
)
async def test_who_is_injected(injector: Running, namespace: str, annotation: str | None, injected: bool) -> None:
    sent = pod(**({INJECT: annotation} if annotation else {}))
    response = await injector.ask(review(sent, namespace))
    assert response["allowed"] is True
    assert ("patch" in response) is injected
    if injected:
        mutated = patched(sent, response)
        assert mutated["metadata"]["labels"]["linkerd.io/workload-ns"] == namespace
        second = await injector.ask(review(mutated, namespace))
        assert second["allowed"] is True
        assert "patch" not in second


@pytest.mark.parametrize("version", ["v1.20.15", "v1.21.0", "v1.32.1"])
async def test_kube_system_is_kept_out_where_the_selector_cannot(kube: FakeKube, version: str) -> None:
    kube.version = version
    kube.put("/api/v1/namespaces/kube-system", {"metadata": {"annotations": {INJECT: "enabled"}}})
    async with running(kube) as injector:
        await injector.ready()
        assert await injector.ask(review(pod(), "kube-system")) == {"uid": "a-uid", "allowed": True}
        assert "patch" in await injector.ask(review(pod()))


@pytest.mark.parametrize(("version", "path"), [("v1", "/mutate"), ("v1beta1", "/")])
async def test_versions_and_paths(injector: Running, version: str, path: str) -> None:
    status, body = await injector.post(json.dumps(review(pod(), version=version)).encode(), path)
    answer = json.loads(body)
    assert (status, answer["apiVersion"]) == (200, f"admission.k8s.io/{version}")
    assert answer["response"]["patchType"] == "JSONPatch"


async def test_malformed_annotations_warn_and_the_default_is_used(injector: Running) -> None:
    sent = pod(**{"config.linkerd.io/proxy-uid": "root", "config.linkerd.io/inbound-port": "http"})
    response = await injector.ask(review(sent))
    assert len(response["warnings"]) == 2
    assert "proxy-uid" in "".join(response["warnings"])
    proxy = patched(sent, response)["spec"]["initContainers"][1]
    assert proxy["securityContext"]["runAsUser"] == 2102


async def test_services_inherit_opaque_ports(injector: Running, kube: FakeKube) -> None:
    service: Obj = {"kind": "Service", "metadata": {"name": "db"}, "spec": {"ports": [{"port": 3306}]}}
    response = await injector.ask(review(service))
    assert patched(service, response)["metadata"]["annotations"] == {OPAQUE: "3306"}
    plain: Obj = {"kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}
    assert "patch" not in await injector.ask(review(plain))


@pytest.mark.parametrize("request_", [{"operation": "UPDATE"}, {"operation": "DELETE", "object": None}])
async def test_other_operations_change_nothing(injector: Running, request_: dict[str, Any]) -> None:
    assert await injector.ask(review(pod(), **request_)) == {"uid": "a-uid", "allowed": True}


async def test_other_kinds_change_nothing(injector: Running) -> None:
    config_map = {"kind": "ConfigMap", "metadata": {"name": "x"}}
    assert await injector.ask(review(config_map)) == {"uid": "a-uid", "allowed": True}


ISTIO = {"containers": [{"name": "istio-proxy", "image": "x"}]}


@pytest.mark.parametrize(
    ("namespace", "annotation", "spec", "at", "reasons", "message"),
    [
        ("emojivoto", None, {"hostNetwork": True}, "namespace", "host_network_enabled", "hostNetwork is enabled"),
        ("emojivoto", None, ISTIO, "namespace", "sidecar_already_exists", "pod has a sidecar injected already"),
        ("plain", None, {}, "", "injection_enable_annotation_absent", "neither the namespace nor the pod have"),
        ("emojivoto", "disabled", {}, "workload", "injection_disable_annotation_present", "pod has the annotation"),
        ("emojivoto", "sure", {}, "workload", "invalid_inject_annotation_at_workload", "invalid value for annotation"),
        ("odd", "enabled", {}, "namespace", "invalid_inject_annotation_at_ns", "invalid value for annotation"),
        (
            "plain",
            "disabled",
            {"hostNetwork": True},
            "workload",
            "host_network_enabled,injection_disable_annotation_present",
            "hostNetwork is enabled, pod has the annotation",
        ),
    ],
)
async def test_every_reason_has_an_event_and_is_counted(
    injector: Running,
    kube: FakeKube,
    namespace: str,
    annotation: str | None,
    spec: Obj,
    at: str,
    reasons: str,
    message: str,
) -> None:
    kube.put("/api/v1/namespaces/odd", {"metadata": {"annotations": {INJECT: "sure"}}})
    owners = {"metadata": kube.objects["/apis/apps/v1/namespaces/emojivoto/replicasets/web-1"]["metadata"]}
    kube.put(f"/apis/apps/v1/namespaces/{namespace}/replicasets/web-1", owners)
    sent = pod(**({INJECT: annotation} if annotation else {}))
    sent["spec"] |= spec
    assert await injector.ask(review(sent, namespace)) == {"uid": "a-uid", "allowed": True}
    await eventually(lambda: kube.events() == [("web", "Normal", "InjectionSkipped")], what="the event")
    (event,) = (obj for path, obj in kube.objects.items() if "/events/" in path)
    assert event["message"].startswith(f"Linkerd sidecar proxy injection skipped: {message}")
    labels = f'annotation_at="{at}",namespace="{namespace}",owner_kind="deployment"'
    _, metrics = await injector.admin("/metrics")
    assert f"proxy_inject_admission_requests_total{{{labels}}} 1.0" in metrics
    counted = f'{{{labels},skip="true",skip_reason="{reasons}"}} 1.0'
    assert f"proxy_inject_admission_responses_total{counted}" in metrics


async def test_a_dry_run_leaves_no_event(injector: Running, kube: FakeKube) -> None:
    await injector.ask(review(pod(), dryRun=True))
    await injector.ask(review(pod(**{INJECT: "disabled"})))
    await eventually(lambda: kube.events() == [("web", "Normal", "InjectionSkipped")], what="one event")


async def test_default_policy_reaches_the_proxy(injector: Running) -> None:
    sent = pod(**{"config.linkerd.io/default-inbound-policy": "all-authenticated"})
    proxy = patched(sent, await injector.ask(review(sent)))["spec"]["initContainers"][1]
    env = {variable["name"]: variable.get("value") for variable in proxy["env"]}
    assert env["LINKERD2_PROXY_INBOUND_DEFAULT_POLICY"] == "all-authenticated"
    assert "BEGIN CERTIFICATE" in env["LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS"]


@pytest.mark.parametrize(("version", "native"), [("v1.17.0", False), ("v1.28.9", False), ("v1.29.0", True)])
async def test_the_servers_version_chooses_the_form(kube: FakeKube, version: str, native: bool) -> None:
    kube.version = version
    async with running(kube) as injector:
        await injector.ready()
        mutated = patched(pod(), await injector.ask(review(pod())))
        sidecar = ["linkerd-proxy"]
        assert [c["name"] for c in mutated["spec"]["containers"]] == ["web"] if native else [*sidecar, "web"]
        assert [c["name"] for c in mutated["spec"]["initContainers"]] == ["linkerd-init", *(sidecar if native else [])]


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b'{"kind":"AdmissionReview"}', b"\xff", b"[" * 100_000])
async def test_what_is_no_review_is_400(injector: Running, body: bytes) -> None:
    status, answer = await injector.post(body)
    assert status == 400
    assert json.loads(answer)["code"] == "bad_review"


async def test_other_paths_and_methods(injector: Running) -> None:
    assert (await injector.post(b"{}", "/validate-serviceprofile"))[0] == 404
    import ssl

    context = ssl.create_default_context(cadata=injector.ca())
    url = f"https://127.0.0.1:{injector.service.port}/"
    async with injector.session.get(url, ssl=context, server_hostname=HOST) as response:
        assert response.status == 405


MALFORMED: list[Obj] = [
    {"kind": "Pod"},
    {"kind": "Pod", "spec": {"containers": []}},
    {"kind": "Pod", "spec": {"containers": "x"}},
    {"kind": "Pod", "metadata": [], "spec": {"containers": [{}]}},
    {"kind": "Pod", "metadata": {"annotations": {"a": 1}}, "spec": {"containers": [{}]}},
    {"kind": "Service", "spec": {"ports": 5}},
    {"kind": "Service", "metadata": {"annotations": []}},
]


@pytest.mark.parametrize("obj", MALFORMED)
async def test_malformed_objects_are_left_to_the_api_servers_validation(injector: Running, obj: Obj) -> None:
    response = await injector.ask(review(obj))
    assert response["allowed"] is True
    assert "patch" not in response
    assert "must" in response["warnings"][0]


async def test_very_deep_objects_never_hang_or_crash(injector: Running) -> None:
    deep: Any = {}
    for _ in range(400):
        deep = {"a": deep}
    sent = pod()
    sent["spec"]["containers"][0]["x"] = deep
    response = await injector.ask(review(sent))
    assert response["allowed"] in (True, False)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 70000) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from([s.annotation for s in SETTINGS] + [INJECT])
METADATA = st.fixed_dictionaries(
    {},
    optional={
        "annotations": st.dictionaries(KEYS, st.text(max_size=10)) | JSON,
        "ownerReferences": JSON,
        "labels": JSON,
    },
)
SPEC = st.fixed_dictionaries(
    {},
    optional={
        "containers": st.lists(st.dictionaries(st.sampled_from(["name", "image", "ports"]), JSON), max_size=2) | JSON,
        "initContainers": JSON,
        "volumes": JSON,
        "hostNetwork": JSON,
    },
)
OBJECTS = st.fixed_dictionaries(
    {"kind": st.sampled_from(["Pod", "Service"])}, optional={"metadata": METADATA | JSON, "spec": SPEC | JSON}
)


@given(obj=OBJECTS)
@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
async def test_hostile_objects_get_a_review_back(injector: Running, obj: Obj) -> None:
    response = await injector.ask(review(obj))
    assert isinstance(response["allowed"], bool)
    if "patch" in response:
        patched(obj, response)
