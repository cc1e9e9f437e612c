"""Issuer and anchor rotated under load: no request fails, no stream ends, and nobody trusts the old anchor then.

A mesh of its own, with leaves that live six seconds, so that a whole rotation takes twenty. Once in `make test`, over
and over in `make soak`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.e2e import manifests
from tests.e2e.cluster import Cluster, until
from tests.e2e.clusters import GIVEN
from tests.e2e.manifests import MESHED, PORTS
from tools.demo import ROOT

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
from linkerd_sandbox.testing.start import meshed_cluster

pytestmark = pytest.mark.root

LIVES = ("issuanceLifetime=6s", "clockSkewAllowance=500ms")
APPS = ("client", "strict")
SOAK_SECONDS = 180.0


@pytest.fixture(scope="module")
def short_lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A mesh of short-lived certificates, with a client and a server that takes only authenticated ones."""
    if GIVEN:
        pytest.skip("it installs a mesh of short lives on a sandbox of its own")
    settings = [word for life in LIVES for word in ("--set", f"identity.issuer.{life}")]
    with meshed_cluster(tmp_path_factory.mktemp("rotation"), ROOT, *settings) as started:
        cluster = Cluster(started.environment, started.directory)
        try:
            cluster.apply(*(obj for obj in manifests.application() if _needed(obj)))
            cluster.await_available(MESHED, *APPS)
            yield cluster
        finally:
            cluster.close()


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


@contextmanager
def load(cluster: Cluster) -> Iterator[None]:
    """Requests on connections kept and new, and two streams: at the end none has failed."""
    host = f"strict.{MESHED}"
    cluster.ask(MESHED, "client", "load_start", name="rotation", host=host, port=PORTS["http1"])
    cluster.ask(MESHED, "client", "streams_start", name="rotation", host=host)
    try:
        yield
    finally:
        report = cluster.ask(MESHED, "client", "load_stop", name="rotation")
        streams = cluster.ask(MESHED, "client", "streams_stop", name="rotation")
    assert report["failed"] == 0, json.dumps(report, indent=2)
    assert report["sent"] > 50, report
    assert streams["ended"] == {}, streams
    assert min(streams["answered"].values()) > 10, streams


def rotate(cluster: Cluster, request: str) -> None:
    """The issuer, then the anchor, from one steady state to the next."""
    before = trust(cluster)
    assert (before.phase, len(before.anchors)) == (Phase.steady, 1)
    ask(cluster, ANNOTATION_ROTATE_ISSUER, request)
    after = until(lambda: _answered(cluster, request), 60, "another issuer")
    assert after is not None
    assert after.issuer != before.issuer
    assert after.anchors == before.anchors
    ask(cluster, ANNOTATION_ROTATE_ANCHOR, request)
    done = until(lambda: _rotated(cluster, before), 60, "another anchor, and the old one dropped")
    assert done is not None
    assert done.issuer_anchor == done.anchors[0].sha256


def answers(cluster: Cluster) -> None:
    """New connections between proxies, whatever the load above has kept; and nobody was turned away meanwhile."""
    said = cluster.ask(MESHED, "client", "http1", host=f"strict.{MESHED}", port=PORTS["http1"], path="/")
    assert said.get("status") == 200, said
    assert "refused" not in cluster.logs(MESHED, "client")


def test_issuer_and_anchor_are_rotated_under_load(short_lived: Cluster) -> None:
    with load(short_lived):
        rotate(short_lived, "once")
    answers(short_lived)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_rotated_over_and_over(short_lived: Cluster) -> None:
    over = time.monotonic() + SOAK_SECONDS
    rounds = 0
    with load(short_lived):
        while time.monotonic() < over:
            rounds += 1
            rotate(short_lived, f"round-{rounds}")
    assert rounds >= 3
    answers(short_lived)


def _answered(cluster: Cluster, request: str) -> TrustStatus | None:
    status = trust(cluster)
    return status if status.answered_issuer == request else None


def _rotated(cluster: Cluster, before: TrustStatus) -> TrustStatus | None:
    status = trust(cluster)
    over = status.phase is Phase.steady and len(status.anchors) == 1 and status.anchors != before.anchors
    return status if over else None
