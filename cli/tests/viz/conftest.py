"""Viz, installed."""

from collections.abc import AsyncIterator

import pytest
from cli.tests.cluster import Cluster
from cli.tests.viz.api import Api, metrics_api


@pytest.fixture
async def api(kube: Cluster) -> AsyncIterator[Api]:
    """The metrics API."""
    async with metrics_api(kube) as running:
        yield running
