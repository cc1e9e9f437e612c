"""A real kube-apiserver and ours, asked the same: what differs is ours to mend, or is named in differential.yaml.

Needs KUBE_APISERVER and ETCD, paths of the two programs; without them the tests are skipped and say so.
"""

import asyncio
import base64
import json
import os
import socket
import ssl
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
import yaml
from sandbox.tests.apiserver.admission.test_webhooks import HOOKS, Hook, hook
from sandbox.tests.apiserver.differences import Ask, Step, comparable, differences, steps
from yarl import URL

from linkerd_sandbox.kubeapi.server import KubeApiServer, Programs
from linkerd_testkit.ports import free_port

__all__ = ["hook"]
Cluster = Any
SCENARIOS: dict[str, list[Any]] = yaml.safe_load(Path(__file__).with_name("differential.yaml").read_text())
GIVEN = (os.environ.get("KUBE_APISERVER", ""), os.environ.get("ETCD", ""))
needs_real = pytest.mark.skipif(
    not all(GIVEN), reason="KUBE_APISERVER and ETCD name no programs: there is nothing to compare with"
)


def asker(kubeconfig: str) -> tuple[aiohttp.ClientSession, Ask]:
    """A session as the administrator."""
    document = json.loads(kubeconfig)
    cluster, token = document["clusters"][0]["cluster"], document["users"][0]["user"]["token"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context))

    async def ask(method: str, path: str, body: object, media: str) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": media}
        data = None if body is None else json.dumps(body)
        url = URL(cluster["server"] + path, encoded=True)
        async with session.request(method, url, data=data, headers=headers) as response:
            text = await response.text()
            try:
                return response.status, json.loads(text)
            except ValueError:
                return response.status, text

    return session, ask


async def _namespace(ask: Ask, name: str) -> None:
    await ask("POST", "/api/v1/namespaces", {"metadata": {"name": name}}, "application/json")
    path = f"/api/v1/namespaces/{name}/serviceaccounts"
    await ask("POST", path, {"metadata": {"name": "default"}}, "application/json")


async def _established(ask: Ask, step: Step) -> None:
    """A definition is served some moments after it was accepted."""
    spec = cast(dict[str, Any], step.body)["spec"]
    path = f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}"
    async with asyncio.timeout(30):
        while (await ask("GET", path, None, "application/json"))[0] != 200:
            await asyncio.sleep(0.05)


async def _compare(real: Ask, ours: Ask, name: str) -> list[str]:
    """Every difference in a scenario, and every step where ours answers otherwise, but not as it should."""
    namespace = "s-" + name.replace(" ", "-")
    for ask in (real, ours):
        await _namespace(ask, namespace)
    found: list[str] = []
    for step in steps(SCENARIOS[name], namespace):
        there, here = [comparable(*await ask(*step[:4]), owners=name == "apply") for ask in (real, ours)]
        if step.wait:
            await asyncio.gather(*(_established(ask, step) for ask in (real, ours)))
        if step.ours is None:
            lines = differences(there, here)
        else:
            lines = differences(step.ours, {key: here.get(key) for key in step.ours})
        if lines:
            found.append(f"{step.method} {step.path} {json.dumps(step.body)}")
            found += [f"    {line}" for line in lines]
    return found


CONFIGS = "/api/v1/namespaces/watched/configmaps"
MERGE = "application/merge-patch+json"
CHANGES: list[tuple[str, str, object, str]] = [
    ("POST", CONFIGS, {"metadata": {"name": "in", "labels": {"a": "b"}}}, "application/json"),
    ("POST", CONFIGS, {"metadata": {"name": "out"}}, "application/json"),
    ("PATCH", f"{CONFIGS}/in", {"data": {"k": "v"}}, MERGE),
    ("PATCH", f"{CONFIGS}/in", {"data": {"k": "v"}}, MERGE),
    ("PATCH", f"{CONFIGS}/out", {"metadata": {"labels": {"a": "b"}}}, MERGE),
    ("PATCH", f"{CONFIGS}/in", {"metadata": {"labels": {"a": None, "left": "yes"}}}, MERGE),
    ("PATCH", f"{CONFIGS}/in", {"data": {"k": "unseen"}}, MERGE),
    ("PATCH", f"{CONFIGS}/out", {"metadata": {"finalizers": ["x/y"]}}, MERGE),
    ("DELETE", f"{CONFIGS}/out", None, "application/json"),
    ("PATCH", f"{CONFIGS}/out", {"metadata": {"finalizers": None}}, MERGE),
    ("POST", CONFIGS, {"metadata": {"name": "last", "labels": {"a": "b"}}}, "application/json"),
]
"""Objects that come into a selection, change in it, leave it, end; and some that nobody is told of."""


async def _seen(ask: Ask, query: str) -> list[dict[str, Any]]:
    """The events that a watch over the changes shows."""
    await _namespace(ask, "watched")
    _, listed = await ask("GET", CONFIGS, None, "application/json")
    start = listed["metadata"]["resourceVersion"]
    for change in CHANGES:
        assert (await ask(*change))[0] in (200, 201)
    path = f"{CONFIGS}?watch=1&timeoutSeconds=1&resourceVersion={start}{query}"
    _, text = await ask("GET", path, None, "application/json")
    lines = [json.loads(line) for line in text.splitlines()] if isinstance(text, str) else [text]
    return [{"type": line["type"], **comparable(200, line["object"], owners=False)} for line in lines]


async def _compare_watches(real: Ask, ours: Ask) -> list[str]:
    found: list[str] = []
    for query in ("&labelSelector=a%3Db", "", "&fieldSelector=metadata.name%3Din"):
        there, here = [await _seen(ask, query) for ask in (real, ours)]
        found += [f"{query}: {line}" for line in differences(there, here)]
        for ask in (real, ours):
            await ask("DELETE", CONFIGS, None, "application/json")
    return found


HOOKED = "/api/v1/namespaces/admission/configmaps"
LABELS = {"hooked": "yes"}
REQUESTS: list[tuple[str, str, object, str]] = [
    ("POST", HOOKED, {"metadata": {"name": "a", "labels": LABELS}}, "application/json"),
    ("POST", HOOKED, {"metadata": {"name": "bad", "labels": LABELS}, "data": {"k": "bad"}}, "application/json"),
    ("POST", f"{HOOKED}?dryRun=All", {"metadata": {"name": "dry", "labels": LABELS}}, "application/json"),
    ("PATCH", f"{HOOKED}/a", {"data": {"k": "v"}}, MERGE),
    ("PATCH", f"{HOOKED}/a", {"data": {"k": "bad"}}, MERGE),
    ("PATCH", f"{HOOKED}/a", {"metadata": {"labels": {"hooked": "no"}}}, MERGE),
    ("PATCH", f"{HOOKED}/a", {"metadata": {"labels": {"hooked": "yes"}}}, MERGE),
    ("DELETE", f"{HOOKED}/a", {"propagationPolicy": "Background"}, "application/json"),
    ("GET", f"{HOOKED}/a", None, "application/json"),
]


def _judged(request: dict[str, Any]) -> dict[str, Any]:
    """Data that is bad is refused; everything that is not deleted gets a label."""
    bad = ((request["object"] or {}).get("data") or {}).get("k") == "bad"
    answer: dict[str, Any] = {"uid": request["uid"], "allowed": not bad}
    if bad:
        answer["status"] = {"code": 418, "message": "no bad data"}
    elif request["operation"] != "DELETE":
        patch = [{"op": "add", "path": "/metadata/labels/by", "value": "hook"}]
        answer |= {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(patch).encode()).decode()}
    return answer


def _configuration(hook: Hook, kind: str, path: str) -> dict[str, Any]:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["*"]}
    webhook = {
        "name": f"{path}.example.com",
        "clientConfig": {"url": f"https://127.0.0.1:{hook.port}/{path}", "caBundle": hook.bundle},
        "rules": [rule],
        "objectSelector": {"matchLabels": LABELS},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    return {
        "kind": kind,
        "apiVersion": "admissionregistration.k8s.io/v1",
        "metadata": {"name": path},
        "webhooks": [webhook],
    }


async def _cached(ask: Ask, path: str) -> None:
    """Until kube-apiserver's cache shows what is stored: from an older object it asks webhooks twice."""
    async with asyncio.timeout(30):
        while await ask("GET", f"{path}?resourceVersion=0", None, "") != await ask("GET", path, None, ""):
            await asyncio.sleep(0.02)


async def _asked(ask: Ask, hook: Hook) -> list[dict[str, Any]]:
    """Answers to the requests, and what the webhook was asked on the way."""
    await _namespace(ask, "admission")
    hook.answer = _judged
    body = _configuration(hook, "MutatingWebhookConfiguration", "mutate")
    code, _ = await ask("POST", f"{HOOKS}/mutatingwebhookconfigurations", body, "application/json")
    assert code == 201
    probe = {"metadata": {"name": "probe", "labels": LABELS}}
    hook.seen.clear()
    async with asyncio.timeout(30):
        while not hook.seen:  # a configuration takes effect some moments after it was stored
            await ask("POST", f"{HOOKED}?dryRun=All", probe, "application/json")
            await asyncio.sleep(0.02)
    hook.seen.clear()
    found = []
    for request in REQUESTS:
        await _cached(ask, f"{HOOKED}/a")
        found.append(comparable(*await ask(*request), owners=False))
    for reviewed in hook.seen:
        review = comparable(200, reviewed.pop("object") or {}, owners=False)
        review.get("metadata", {}).pop("namespace", None)  # since 1.22 it is filled in before admission
        old = comparable(200, reviewed.pop("oldObject") or {}, owners=False)
        kept = {key: value for key, value in reviewed.items() if key not in ("uid", "userInfo")}
        asked = {**comparable(200, kept, owners=False), "object": review, "oldObject": old}
        if asked != found[-1]:  # kube-apiserver asks again where what it had cached may have been old
            found.append(asked)
    return found


async def _compare_admission(real: Ask, ours: Ask, hook: Hook) -> list[str]:
    there, here = [await _asked(ask, hook) for ask in (real, ours)]
    found = [line for one, other in zip(there, here, strict=False) for line in differences(one, other)]
    return found + ([f"{len(there)} answers and reviews, ours {len(here)}"] if len(there) != len(here) else [])


@needs_real
async def test_every_scenario(cluster: Cluster, hook: Hook, tmp_path: Path) -> None:
    port = free_port()
    outer = socket.create_server(("127.0.0.1", 0))
    server = KubeApiServer(Programs(*GIVEN), tmp_path / "real", ("127.0.0.1", port), "10.43.0.0/16", [])
    try:
        await server.start(outer)
        session, real = asker(server.admin_kubeconfig(f"https://127.0.0.1:{outer.getsockname()[1]}"))
        own, ours = asker(cluster.server.admin_kubeconfig(cluster.url))
        async with session, own:
            found = {name: lines for name in SCENARIOS if (lines := await _compare(real, ours, name))}
            found["watches"] = await _compare_watches(real, ours)
            found["admission"] = await _compare_admission(real, ours, hook)
    finally:
        await server.stop()
        outer.close()
    found = {name: lines for name, lines in found.items() if lines}
    assert not found, "\n".join(line for name, lines in found.items() for line in (name, *lines))
