"""Checks and their hints."""

from linkerd_cli.check.command import categories
from linkerd_cli.check.viz import CHECKS


def test_every_check_has_its_own_words_and_a_hint() -> None:
    for wanted in (categories(pre=True, proxy=False), categories(False, False), categories(False, True), [CHECKS]):
        described = [check.description for category in wanted for check in category.checks]
        assert len(described) == len(set(described))
        assert all(check.hint.startswith("docs/checks.md#") for category in wanted for check in category.checks)
