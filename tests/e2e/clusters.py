"""A cluster that is there already (kind, or another): the mesh applied from deploy/kustomize, and taken away again."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from tests.e2e import manifests
from tools.demo import ROOT

from linkerd_sandbox.testing.cluster import CONTROL_PLANE, Cluster
from linkerd_sandbox.testing.start import user_environment

GIVEN = os.environ.get("E2E_KUBECONFIG", "")
"""The kubeconfig of a cluster to run on instead of a sandbox; empty for a sandbox."""
_READY_SECONDS = 180.0
"""Images may have to be pulled."""


@contextlib.contextmanager
def given_cluster(kubeconfig: str, overlay: str, directory: Path) -> Iterator[Cluster]:
    """The mesh of an overlay on it. Raises AssertionError where one is installed already, which is left alone."""
    path = Path(kubeconfig)
    assert path.is_file(), f"E2E_KUBECONFIG={kubeconfig}: there is no such file"
    shims = directory / "shims"
    shims.mkdir()
    cluster = Cluster(user_environment(str(path.resolve()), shims))
    try:
        found = cluster.run("kubectl", "get", "namespace", CONTROL_PLANE, check=False)
        assert found.returncode, f"{kubeconfig}: namespace {CONTROL_PLANE} exists; these tests install their own mesh"
        try:
            cluster.run("kubectl", "apply", "-k", str(ROOT / "deploy/kustomize/overlays" / overlay), seconds=120)
            cluster.run("linkerd", "check", "--wait", f"{_READY_SECONDS:g}s", seconds=_READY_SECONDS + 30)
            yield cluster
        finally:
            spaces = ["kubectl", "delete", "namespace", "--ignore-not-found", *manifests.DEPLOYMENTS]
            cluster.run(*spaces, seconds=_READY_SECONDS, check=False)
            cluster.run("sh", "-c", "linkerd uninstall --force | kubectl delete -f -", seconds=_READY_SECONDS)
    finally:
        cluster.close()
