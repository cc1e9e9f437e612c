"""Fixtures: a cluster, and somebody who types commands."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from cli.tests.cluster import Cluster, cluster
from cli.tests.terminal import Terminal


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """No cluster."""
    return Terminal(tmp_path)


@pytest.fixture
async def kube(terminal: Terminal) -> AsyncIterator[Cluster]:
    """An empty cluster, which the terminal's kubeconfig points to."""
    async with cluster() as running:
        terminal.connect(running.url)
        yield running
