"""Fixtures: a fake API server, and a client of it."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from linkerd_kube import KubeClient

sys.path.insert(0, str(Path(__file__).parents[3]))

from libs.kube.tests.fake_api import FakeApi


@pytest.fixture
async def api() -> AsyncIterator[FakeApi]:
    async with FakeApi() as server:
        yield server


@pytest.fixture
async def client(api: FakeApi) -> AsyncIterator[KubeClient]:
    async with aiohttp.ClientSession() as session:
        yield KubeClient(api.url, session)
