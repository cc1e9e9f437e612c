"""Wait statuses; starting is tested with real namespaces in test_supervisor."""

import pytest

from linkerd_sandbox.kubelet.spawner import exit_code


@pytest.mark.parametrize(("status", "code"), [(0, 0), (3 << 8, 3), (9, 137), (15, 143), (0x8B, 139)])
def test_exit_codes(status: int, code: int) -> None:
    assert exit_code(status) == code
