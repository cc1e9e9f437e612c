"""A mesh for the whole session: one sandbox, installed and left by the CLI, as a user would.

E2E_KUBECONFIG names another cluster to run on (`make e2e KUBECONFIG=…`, `make e2e CLUSTER=kind`), E2E_OVERLAY the
overlay that is applied there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from tests.e2e import manifests
from tests.e2e.cluster import Cluster
from tests.e2e.clusters import GIVEN, given_cluster
from tools.demo import ROOT
from tools.tutorial import Reader

from linkerd_sandbox.testing.cluster import Cluster as PluginCluster
from linkerd_sandbox.testing.start import meshed_cluster, sandbox


@pytest.fixture(scope="session")
def sandbox_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of somebody whose sandbox is up; it is gone when the session ends."""
    if GIVEN:
        pytest.skip("it is about a sandbox of its own, and E2E_KUBECONFIG names another cluster")
    with sandbox(tmp_path_factory.mktemp("sandbox")) as environment:
        yield environment


@pytest.fixture(scope="session")
def reader(sandbox_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Somebody who types the tutorial's commands in examples/emojivoto."""
    directory = tmp_path_factory.mktemp("reader") / "emojivoto"
    shutil.copytree(ROOT / "examples/emojivoto", directory)
    return Reader(directory, sandbox_environment)


@pytest.fixture(scope="session")
def mesh_cluster(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[PluginCluster]:
    """The plugin's, or the mesh on a cluster that is given."""
    directory = tmp_path_factory.mktemp("mesh")
    opened = (
        given_cluster(GIVEN, os.environ.get("E2E_OVERLAY") or "default", directory)
        if GIVEN
        else meshed_cluster(directory, pytestconfig.rootpath)
    )
    with opened as cluster:
        yield cluster


@pytest.fixture(scope="session")
def mesh(mesh_cluster: PluginCluster) -> Iterator[Cluster]:
    """The plugin's cluster for the whole session, with the application of tests/e2e/apps running on it."""
    cluster = Cluster(mesh_cluster.environment, mesh_cluster.directory)
    try:
        cluster.apply(*manifests.application())
        for namespace, names in manifests.DEPLOYMENTS.items():
            cluster.await_available(namespace, *names)
        for namespace, service in manifests.SERVICES:
            cluster.await_endpoints(namespace, service)
        yield cluster
    finally:
        cluster.close()
