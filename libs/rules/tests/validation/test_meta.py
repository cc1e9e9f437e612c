"""What all kinds have in common."""

import pytest

from linkerd_rules.validation.fields import Problem
from linkerd_rules.validation.meta import Meta, Reading, Resource, kept


def test_the_oldest_wins_then_the_name() -> None:
    old = Meta(namespace="b", name="z", created="2020-01-01T00:00:00Z")
    new = Meta(namespace="a", name="a", created="2021-01-01T00:00:00Z")
    twin = Meta(namespace="b", name="y", created="2020-01-01T00:00:00Z")
    assert sorted([new, old, twin], key=lambda meta: meta.age) == [twin, old, new]


def test_what_admission_alone_minds_does_not_make_an_object_useless() -> None:
    assert Reading(1, [Problem("spec.x", "unknown field", ignorable=True)]).usable() == 1
    with pytest.raises(ValueError, match=r"spec\.y: is required"):
        Reading(1, [Problem("spec.y", "is required")]).usable()


def test_what_is_kept_for_its_status_says_why_it_has_no_effect() -> None:
    value = Resource(meta=Meta(namespace="a", name="b"))
    assert kept(Reading(value, [Problem("spec.x", "unknown field", ignorable=True)])).unusable == ""
    problems = [Problem("spec.y", "is required"), Problem("", "sets nothing")]
    assert kept(Reading(value, problems)).unusable == "spec.y: is required; sets nothing"
