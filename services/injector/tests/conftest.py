"""Shared fixtures."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from linkerd_testkit.kube import FakeKube, fake_kube

sys.path.insert(0, str(Path(__file__).parents[3]))

from services.injector.tests.helpers import seed


@pytest.fixture
async def kube() -> AsyncIterator[FakeKube]:
    """A cluster with everything that the injector needs."""
    async with fake_kube() as fake:
        seed(fake)
        yield fake


@pytest.fixture
async def empty_kube() -> AsyncIterator[FakeKube]:
    """A cluster with nothing in it."""
    async with fake_kube() as fake:
        yield fake
