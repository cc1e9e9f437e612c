"""The pytest plugin (entry point `linkerd-sandbox`). Loaded by every pytest beside it, so what is slow loads late."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from linkerd_sandbox.testing.cluster import Cluster
    from linkerd_sandbox.testing.mesh import Mesh


def pytest_configure(config: pytest.Config) -> None:
    """The marker that every test on the mesh gets."""
    config.addinivalue_line("markers", "mesh: runs on a sandbox with the mesh (given to every test that asks for one)")


@pytest.hookimpl(tryfirst=True)  # before -m selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """So that `-m "not mesh"` leaves them out."""
    for item in items:
        if "mesh_cluster" in getattr(item, "fixturenames", ()):
            item.add_marker("mesh")


@pytest.fixture(scope="session")
def mesh_cluster(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Cluster]:
    """A cluster with the mesh installed, for the whole session; nothing of it is left at the end."""
    from linkerd_sandbox.testing.start import meshed_cluster

    with meshed_cluster(tmp_path_factory.mktemp("mesh"), pytestconfig.rootpath) as cluster:
        yield cluster


@pytest.fixture
def mesh(mesh_cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Mesh]:
    """A namespace of the test's own on that cluster."""
    from linkerd_sandbox.testing.mesh import fresh

    number = request.session.items.index(request.node)
    name = re.sub("[^a-z0-9]+", "-", request.node.originalname.lower()).strip("-")[:40].strip("-")
    with fresh(mesh_cluster, f"{name}-{number}") as mesh:
        yield mesh
