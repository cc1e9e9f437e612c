"""One sandbox for all tests that do not destroy it."""

from collections.abc import Iterator

import pytest
from sandbox.tests.sandboxes import Sandbox, started


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    one = started(tmp_path_factory.mktemp("sandbox") / "state")
    yield one
    one.run("down")
