"""Viz, installed."""

import signal
from collections.abc import AsyncIterator, Iterator

import pytest
from cli.tests.cluster import Cluster
from cli.tests.viz.api import Api, metrics_api


@pytest.fixture
async def api(kube: Cluster) -> AsyncIterator[Api]:
    """The metrics API."""
    async with metrics_api(kube) as running:
        yield running


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Processes that a test starts take Ctrl-C, also where the tests run behind `nohup` or `&`: those pass SIGINT on as
    ignored, and a program rightly leaves it so."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
