"""Label selectors."""

import pytest

from linkerd_viz.selectors import parse_selector

LABELS = {"app": "web", "tier": "front", "example.com/x": "1"}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("app=web", True),
        ("app==web", True),
        ("app = web , tier!=back", True),
        ("app!=web", False),
        ("gone!=x", True),
        ("app", True),
        ("!app", False),
        ("!gone", True),
        ("app in (web, api)", True),
        ("app in(web)", True),
        ("app notin (web)", False),
        ("gone notin (web)", True),
        ("example.com/x=1,app in (api,web),tier", True),
        ("app=", False),
    ],
)
def test_matches(text: str, matches: bool) -> None:
    assert parse_selector(text)(LABELS) is matches


@pytest.mark.parametrize("text", ["a b", "=x", "app in web", "a,,b", "a=b c", "a=b&c", "!"])
def test_what_is_no_selector(text: str) -> None:
    with pytest.raises(ValueError, match="is not a label selector"):
        parse_selector(text)
