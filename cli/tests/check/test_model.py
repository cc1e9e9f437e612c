"""Checks and their hints."""

import re
from pathlib import Path

from linkerd_cli.check.command import categories
from linkerd_cli.check.viz import CHECKS, DATA_PLANE

PAGE = Path(__file__).parents[3] / "docs/checks.md"
ALL = [categories("pre"), categories("crds"), categories("proxy"), categories()]


def test_every_check_has_its_own_words_and_a_hint() -> None:
    for wanted in (*ALL, [CHECKS, DATA_PLANE]):
        described = [check.description for category in wanted for check in category.checks]
        assert len(described) == len(set(described))
        assert all(check.hint.startswith("docs/checks.md#") for category in wanted for check in category.checks)


def test_every_hint_leads_somewhere() -> None:
    anchors = set(re.findall(r'<a id="([^"]+)"></a>', PAGE.read_text()))
    wanted = [*(category for asked in ALL for category in asked), CHECKS, DATA_PLANE]
    assert {check.anchor for category in wanted for check in category.checks} == anchors
