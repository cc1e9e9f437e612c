"""Where the state goes."""

from pathlib import Path

import pytest

from linkerd_sandbox.settings import BadSettings, SupervisorSettings, state_directory


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"LINKERD_SANDBOX_DIR": "/x/y", "HOME": "/h"}, "/x/y"),
        ({"XDG_STATE_HOME": "/s", "HOME": "/h"}, "/s/linkerd-sandbox"),
        ({"HOME": "/h"}, "/h/.local/state/linkerd-sandbox"),
    ],
)
def test_directory(environ: dict[str, str], expected: str) -> None:
    assert state_directory(environ) == Path(expected)


@pytest.mark.parametrize("environ", [{}, {"LINKERD_SANDBOX_DIR": "/run/user/0/x"}])
def test_no_place(environ: dict[str, str]) -> None:
    with pytest.raises(BadSettings):
        state_directory(environ)


def test_the_supervisor_reads_what_up_wrote() -> None:
    settings = SupervisorSettings("/d", 3, 4, 6443, "root", "/bin")
    assert SupervisorSettings.from_json(settings.to_json()) == settings
