"""State before anything was asked."""

from datetime import UTC, datetime

import pytest

from linkerd_cli.check.model import Failed
from linkerd_cli.check.state import State
from linkerd_cli.context import Context


def test_without_a_connection_a_check_fails_instead_of_breaking() -> None:
    state = State(Context("mesh", "viz", None, None, False, {}), now=lambda: datetime.now(UTC))
    assert state.namespace == "mesh"
    with pytest.raises(Failed, match="no connection"):
        _ = state.client
