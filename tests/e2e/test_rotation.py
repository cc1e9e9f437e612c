"""Issuer and anchor rotated under load: no request fails, and in the end nobody trusts the old anchor.

A mesh of its own, with leaves that live six seconds, so that a whole rotation takes twenty.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from tests.e2e import manifests
from tests.e2e.cluster import Cluster, until
from tests.e2e.manifests import MESHED, PORTS
from tools.demo import LINKERD, reader_environment

from linkerd_contract import codec, names
from linkerd_contract.trust import (
    ANNOTATION_ROTATE_ANCHOR,
    ANNOTATION_ROTATE_ISSUER,
    TRUST_PATH,
    Phase,
    TrustStatus,
)
from linkerd_kube import portforward
from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import CONFIG_MAPS

pytestmark = pytest.mark.root

LIVES = ("issuanceLifetime=6s", "clockSkewAllowance=500ms")
APPS = ("client", "strict")


@pytest.fixture(scope="module")
def short_lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A mesh of short-lived certificates, with a client and a server that takes only authenticated ones."""
    state = tmp_path_factory.mktemp("rotation")
    base = {**os.environ, "LINKERD_SANDBOX_DIR": str(state), "NO_COLOR": "1"}

    def linkerd(*arguments: str) -> None:
        done = subprocess.run(
            [str(LINKERD), *arguments], env=base, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr

    linkerd("sandbox", "up")
    cluster: Cluster | None = None
    try:
        linkerd("sandbox", "image", "add", manifests.IMAGE, "--", sys.executable)
        shims = reader_environment(str(state / "kubeconfig"), tmp_path_factory.mktemp("rotation-shims"))
        cluster = Cluster({**shims, "LINKERD_SANDBOX_DIR": str(state)}, state)
        settings = " ".join(f"--set identity.issuer.{life}" for life in LIVES)
        cluster.run("sh", "-c", f"linkerd install {settings} | kubectl apply -f -")
        cluster.await_available(
            names.LINKERD_NAMESPACE, "linkerd-identity", "linkerd-destination", "linkerd-proxy-injector"
        )
        cluster.apply(*(obj for obj in manifests.application() if _needed(obj)))
        cluster.await_available(MESHED, *APPS)
        yield cluster
    finally:
        if cluster is not None:
            cluster.close()
        linkerd("sandbox", "down")


def _needed(obj: JsonObject) -> bool:
    if obj["kind"] == "Deployment":
        return obj["metadata"]["name"] in APPS and obj["metadata"]["namespace"] == MESHED
    return True


def trust(cluster: Cluster) -> TrustStatus:
    """As identity tells it."""
    pods = cluster.pods(names.LINKERD_NAMESPACE, f"{names.LABEL_CONTROL_PLANE_COMPONENT}=identity")
    name = pods[0]["metadata"]["name"]
    page = portforward.http_get(cluster.client, names.LINKERD_NAMESPACE, name, names.PORT_SERVICE_ADMIN, TRUST_PATH)
    return codec.decode(cluster.do(page), TrustStatus)


def ask(cluster: Cluster, annotation: str, value: str) -> None:
    """What `linkerd identity rotate` does."""
    body: JsonObject = {"metadata": {"annotations": {annotation: value}}}
    cluster.patch(CONFIG_MAPS, names.LINKERD_NAMESPACE, names.TRUST_ROOTS_CONFIG_MAP, body)


def test_issuer_and_anchor_are_rotated_under_load(short_lived: Cluster) -> None:
    cluster = short_lived
    before = trust(cluster)
    assert (before.phase, len(before.anchors)) == (Phase.steady, 1)
    cluster.ask(MESHED, "client", "load_start", name="rotation", host=f"strict.{MESHED}", port=PORTS["http1"])

    ask(cluster, ANNOTATION_ROTATE_ISSUER, "one")
    after = until(lambda: _answered(cluster, issuer="one"), 15, "another issuer")
    assert after is not None
    assert after.issuer != before.issuer
    assert after.anchors == before.anchors

    ask(cluster, ANNOTATION_ROTATE_ANCHOR, "one")
    done = until(lambda: _rotated(cluster, before), 40, "another anchor, and the old one dropped")
    assert done is not None
    assert done.issuer_anchor == done.anchors[0].sha256

    report = cluster.ask(MESHED, "client", "load_stop", name="rotation")
    assert report["failed"] == 0, json.dumps(report, indent=2)
    assert report["sent"] > 500, report
    # New connections between proxies of the new anchor, too: the load above kept some of the old ones.
    said = cluster.ask(MESHED, "client", "http1", host=f"strict.{MESHED}", port=PORTS["http1"], path="/")
    assert said.get("status") == 200, said
    assert "refused" not in cluster.logs(MESHED, "client")


def _answered(cluster: Cluster, issuer: str) -> TrustStatus | None:
    status = trust(cluster)
    return status if status.answered_issuer == issuer else None


def _rotated(cluster: Cluster, before: TrustStatus) -> TrustStatus | None:
    status = trust(cluster)
    over = status.phase is Phase.steady and len(status.anchors) == 1 and status.anchors != before.anchors
    return status if over else None
