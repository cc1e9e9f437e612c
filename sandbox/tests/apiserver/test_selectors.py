"""Label and field selectors."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkerd_sandbox.apiserver.selectors import from_object, matches, parse_fields, parse_labels
from linkerd_sandbox.apiserver.status import StatusError

LABELS = {"app": "web", "tier": "front", "linkerd.io/inject": "enabled", "n": "5"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("app=web", True),
        ("app==web", True),
        ("app = web", True),
        ("app=api", False),
        ("app!=api", True),
        ("missing!=x", True),
        ("app in (web, api)", True),
        ("app in (api)", False),
        ("app notin (api,x)", True),
        ("missing notin (api)", True),
        ("linkerd.io/inject", True),
        ("!linkerd.io/inject", False),
        ("! other", True),
        ("app=web,tier=front", True),
        ("app=web,tier in (back),n=5", False),
        ("n>4", True),
        ("n<4", False),
        ("app>4", False),
        ("app=", False),
        ("other=", False),
    ],
)
def test_label_selectors(text: str, expected: bool) -> None:
    assert matches(parse_labels(text), LABELS) is expected


@pytest.mark.parametrize("text", ["app in web", "=x", "a b", "app in (x", "n>x", ",,", "a=b,,c=d"])
def test_malformed_label_selectors_are_refused(text: str) -> None:
    with pytest.raises(StatusError) as caught:
        parse_labels(text)
    assert caught.value.code == 400


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (None, True),
        ({}, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "web", "x": "y"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
    ],
)
def test_selector_objects(selector: dict[str, object] | None, expected: bool) -> None:
    assert matches(from_object(selector), LABELS) is expected


def test_unknown_operators_are_refused() -> None:
    with pytest.raises(StatusError):
        from_object({"matchExpressions": [{"key": "a", "operator": "Like"}]})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("spec.nodeName=", True),
        ("metadata.name=x", True),
        ("metadata.name!=x", False),
        ("metadata.name==y", False),
    ],
)
def test_field_selectors(text: str, expected: bool) -> None:
    known = {"metadata.name": "x", "spec.nodeName": ""}
    assert matches(parse_fields(text, known, str), known) is expected


def test_fields_that_a_kind_does_not_have_are_refused() -> None:
    with pytest.raises(StatusError, match=r"field label not supported: spec\.other"):
        parse_fields("spec.other=1", (), lambda path: f"field label not supported: {path}")


@given(st.text(max_size=30))
def test_any_text_is_a_selector_or_a_400(text: str) -> None:
    with contextlib.suppress(StatusError):
        assert matches(parse_labels(text), LABELS) in (True, False)
