"""Shared fixtures."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from linkerd_testkit.kube import FakeKube, fake_kube

sys.path.insert(0, str(Path(__file__).parents[3]))


@pytest.fixture
async def kube() -> AsyncIterator[FakeKube]:
    async with fake_kube() as fake:
        yield fake
