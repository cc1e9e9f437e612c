"""Lives from the installation's values."""

from datetime import timedelta

import pytest

from linkerd_identity.installation import lives_from_values
from linkerd_identity.settings import Lives

LIVES = Lives()


def test_what_is_said_counts_unless_a_variable_says_otherwise() -> None:
    values = '{"identity": {"issuer": {"issuanceLifetime": "48h0m0s", "clockSkewAllowance": "10s"}}}'
    assert lives_from_values(values, LIVES, frozenset()) == Lives(leaf=timedelta(hours=48), skew=timedelta(seconds=10))
    assert lives_from_values(values, LIVES, frozenset({"leaf"})).leaf == LIVES.leaf
    assert lives_from_values('{"identity": 5}', LIVES, frozenset()) == LIVES


@pytest.mark.parametrize("lifetime", ["long", "10ms", "90000h"])
def test_what_cannot_be_is_logged(caplog: pytest.LogCaptureFixture, lifetime: str) -> None:
    text = f'{{"identity": {{"issuer": {{"issuanceLifetime": "{lifetime}"}}}}}}'
    assert lives_from_values(text, LIVES, frozenset()) == LIVES
    assert lives_from_values("[", LIVES, frozenset()) == LIVES
    assert caplog.text.count("defaults are used") == 2
