"""The whole service on sockets: start, what is lacking, two replicas, the certificate's way to the API server."""

import asyncio
import json
from base64 import b64encode

from services.injector.tests.helpers import (
    BUNDLE,
    MUTATING,
    SECRET,
    VALIDATING,
    VALUES,
    bundle,
    patched,
    pod,
    review,
    running,
    seed,
    settings,
    webhook,
)

from linkerd_testkit.kube import FakeKube
from linkerd_testkit.ports import eventually


async def test_injects(kube: FakeKube) -> None:
    async with running(kube) as injector:
        await injector.ready()
        response = await injector.ask(review(pod()))
        assert response["allowed"] is True
        mutated = patched(pod(), response)
        names = [c["name"] for c in mutated["spec"]["initContainers"]]
        assert names == ["linkerd-init", "linkerd-proxy"]
        assert mutated["metadata"]["labels"]["linkerd.io/proxy-deployment"] == "web"
        await eventually(lambda: ("web", "Normal", "Injected") in kube.events(), what="the event")
        _, metrics = await injector.admin("/metrics")
        labels = 'annotation_at="namespace",namespace="emojivoto",owner_kind="deployment"'
        assert f"proxy_inject_admission_requests_total{{{labels}}} 1.0" in metrics


async def test_starts_alone_and_says_what_it_lacks(empty_kube: FakeKube) -> None:
    kube = empty_kube
    async with running(kube) as injector:
        await eventually(lambda: SECRET in kube.objects and injector.service.port, what="the serving certificate")
        status, text = await injector.admin("/ready")
        assert status == 503
        for reason in ("linkerd-identity-trust-roots", "linkerd-config", "linkerd-proxy-injector-webhook-config"):
            assert reason in text
        assert (await injector.admin("/live"))[0] == 200
        kube.put(MUTATING, webhook("linkerd-proxy-injector"))
        kube.put("/api/v1/namespaces/emojivoto", {"metadata": {"annotations": {"linkerd.io/inject": "enabled"}}})
        await eventually(lambda: len(injector.service.readiness.reasons) == 2, what="caBundle")
        status, body = await injector.post(json.dumps(review(pod())).encode())
        assert status == 503
        assert json.loads(body)["code"] == "not_ready"
        kube.put(VALUES, {"data": {"values": "linkerdVersion: 0.1.0\n"}})
        kube.put(BUNDLE, {"data": {"ca-bundle.crt": bundle()}})
        await injector.ready()
        assert (await injector.admin("/ready"))[1] == "ready\n"
        assert (await injector.ask(review(pod())))["allowed"] is True


async def test_api_server_away_at_start(kube: FakeKube) -> None:
    kube.down = True
    async with running(kube) as injector:
        status, text = await injector.admin("/ready")
        assert status == 503
        assert "version of the Kubernetes API server" in text
        kube.down = False
        await eventually(lambda: injector.service.readiness.ready, what="ready")


async def test_two_replicas_serve_one_certificate(empty_kube: FakeKube) -> None:
    seed(empty_kube)
    async with (
        running(empty_kube, settings("injector-0")) as one,
        running(empty_kube, settings("injector-1")) as two,
    ):
        await asyncio.gather(one.ready(), two.ready())
        assert (await one.ask(review(pod())))["allowed"] is True
        assert (await two.ask(review(pod())))["allowed"] is True
    assert empty_kube.requests.count("POST /api/v1/namespaces/linkerd/secrets") == 1


async def test_ca_bundle_is_written_to_own_webhooks_and_again_when_lost(kube: FakeKube) -> None:
    async with running(kube) as injector:
        await injector.ready()
        await eventually(lambda: _ca(kube, VALIDATING), what="the validating configuration")
        assert "caBundle" not in kube.objects[MUTATING]["webhooks"][0]["clientConfig"]
        assert _ca(kube, MUTATING) == kube.objects[SECRET]["data"]["ca.crt"]
        kube.put(MUTATING, webhook("linkerd-proxy-injector"))
        await eventually(lambda: _ca(kube, MUTATING), what="caBundle written again")


async def test_certificate_is_renewed_and_swapped_live(kube: FakeKube) -> None:
    async with running(kube, settings(LINKERD_WEBHOOK_CERTIFICATE_LIFETIME="3s")) as injector:
        await injector.ready()
        first = kube.objects[SECRET]["data"]["tls.crt"]
        await eventually(lambda: kube.objects[SECRET]["data"]["tls.crt"] != first, what="a new certificate")
        await eventually(lambda: _ca(kube, MUTATING) == kube.objects[SECRET]["data"]["ca.crt"])
        assert (await injector.ask(review(pod())))["allowed"] is True


async def test_a_given_certificate_is_used_and_never_replaced(kube: FakeKube) -> None:
    async with running(kube) as injector:
        await injector.ready()
    given = json.loads(json.dumps(kube.objects[SECRET]))
    given["metadata"]["annotations"] = {}
    kube.put(SECRET, given)
    async with running(kube) as injector:
        await injector.ready()
        broken = {**given, "data": {**given["data"], "tls.crt": b64encode(b"nonsense").decode()}}
        kube.put(SECRET, broken)
        await eventually(lambda: kube.requests.count(f"GET {SECRET}") > 3, what="another look")
        assert (await injector.ask(review(pod())))["allowed"] is True
        assert kube.objects[SECRET]["data"]["tls.crt"] == broken["data"]["tls.crt"]


def _ca(kube: FakeKube, path: str) -> str:
    ca: str = kube.objects[path]["webhooks"][1]["clientConfig"].get("caBundle", "")
    return ca
