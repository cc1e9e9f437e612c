"""Splits: by weight, among what can take requests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkerd_contract.outbound import WeightedBackend
from linkerd_rules.policy.split import Split


def split(**weights: int) -> Split:
    return Split([WeightedBackend(ref, weight) for ref, weight in weights.items()])


def up(_: str) -> bool:
    return True


@pytest.mark.parametrize(
    ("random", "chosen"), [(0.0, "a"), (0.0999, "a"), (0.1, "b"), (0.5, "b"), (0.9, "c"), (0.99999, "c")]
)
def test_by_weight(random: float, chosen: str) -> None:
    assert split(a=1, b=8, c=1).pick(random, up) == chosen


def test_one_is_no_choice() -> None:
    assert split(a=5).only == "a"
    assert split(a=0, b=5).only == "b"
    assert split(a=5).pick(0.5, lambda _: False) == "a"


def test_none() -> None:
    assert split().pick(0.5, up) is None
    assert split(a=0, b=0).pick(0.5, up) is None


def test_what_can_take_nothing_is_passed_over() -> None:
    assert split(a=9, b=1).pick(0.1, lambda ref: ref != "a") == "b"
    assert {split(a=98, b=1, c=1).pick(random, lambda ref: ref != "a") for random in (0.0, 0.6)} == {"b", "c"}


def test_where_nothing_can_the_weights_decide() -> None:
    assert split(a=9, b=1).pick(0.1, lambda _: False) == "a"
    assert split(a=9, b=1).pick(0.95, lambda _: False) == "b"


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 1000)),
    st.floats(0, 1, exclude_max=True),
    st.sets(st.sampled_from("abcdef")),
)
def test_a_backend_without_weight_never_gets_any(weights: dict[str, int], random: float, down: set[str]) -> None:
    chosen = split(**weights).pick(random, lambda ref: ref not in down)
    live = {ref for ref, weight in weights.items() if weight}
    if chosen is None:
        assert not live
    else:
        assert chosen in live
        assert chosen not in down or live <= down or len(live) == 1
