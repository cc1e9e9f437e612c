"""Our certificate, and caBundles with others' CAs in them."""

from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonpatch
import pytest
from services.viz.tests.tap.world import applied

from linkerd_runtime import pki
from linkerd_viz.tap.serving import MAX_CAS, bundle_patch, make_serving, merged

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LIFE = timedelta(days=90)
SERVICE = {"name": "tap", "namespace": "linkerd-viz"}


def cas(bundle: str) -> list[str]:
    return [pki.pem(c) for c in pki.read_certificates(b64decode(bundle).decode())]


def test_made() -> None:
    serving = make_serving("linkerd-viz", LIFE, NOW)
    (leaf,) = pki.read_certificates(serving.chain)
    (ca,) = pki.read_certificates(serving.ca)
    leaf.verify_directly_issued_by(ca)
    assert serving.renew_at == NOW + timedelta(days=60)
    assert pki.read_key(serving.key).public_key() == leaf.public_key()


def test_replicas_are_trusted_side_by_side() -> None:
    first, second = (make_serving("v", LIFE, NOW + timedelta(hours=i)).ca for i in range(2))
    bundle = merged(None, first, NOW)
    assert cas(bundle) == [first]
    assert cas(merged(bundle, second, NOW)) == [first, second]
    assert merged(bundle, first, NOW) == bundle


def test_ended_and_too_many_go_and_rubbish_too() -> None:
    bundle = merged(None, make_serving("v", LIFE, NOW).ca, NOW)
    later = NOW + LIFE + timedelta(days=1)
    ours = [make_serving("v", LIFE, later + timedelta(hours=i)).ca for i in range(MAX_CAS + 2)]
    for ca in ours:
        bundle = merged(bundle, ca, later)
    assert cas(bundle) == ours[-MAX_CAS:]
    for rubbish in ("???", b64encode(b"x").decode(), 5):
        assert cas(merged(rubbish, ours[0], later)) == [ours[0]]


@pytest.mark.parametrize("before", [None, "Y2E="])
def test_patches_are_guarded(before: str | None) -> None:
    ca = make_serving("linkerd-viz", LIFE, NOW).ca
    spec: dict[str, Any] = {"service": SERVICE} | ({"caBundle": before} if before else {})
    before_it: dict[str, Any] = {"metadata": {"resourceVersion": "5"}, "spec": spec}
    patch = bundle_patch(before_it, "linkerd-viz", ca, NOW)
    after = applied(before_it, patch)
    assert cas(after["spec"]["caBundle"]) == [ca]
    assert bundle_patch(after, "linkerd-viz", ca, NOW) == []
    changed = {"metadata": {"resourceVersion": "6"}, "spec": {**spec, "caBundle": "b3RoZXI="}}
    with pytest.raises(jsonpatch.JsonPatchTestFailed):
        applied(changed, patch)


def test_only_webhooks_that_lead_here() -> None:
    ca = make_serving("linkerd-viz", LIFE, NOW).ca
    elsewhere = {"clientConfig": {"service": {"name": "x", "namespace": "linkerd-viz"}}}
    configuration = {
        "metadata": {},
        "webhooks": [elsewhere, {"clientConfig": {"service": {**SERVICE, "name": "tap-injector"}}}],
    }
    steps = bundle_patch(configuration, "linkerd-viz", ca, NOW)
    assert [step["path"] for step in steps if step["op"] == "add"] == ["/webhooks/1/clientConfig/caBundle"]
