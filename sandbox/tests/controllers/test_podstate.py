"""Readiness, availability, and hashes that stay."""

from hypothesis import given
from hypothesis import strategies as st
from sandbox.tests.controllers.objects import a_pod

from linkerd_sandbox.controllers import podstate


def test_fnv_has_its_published_values() -> None:
    assert podstate.fnv32a(b"") == 0x811C9DC5
    assert podstate.fnv32a(b"a") == 0xE40C292C
    assert podstate.fnv32a(b"foobar") == 0xBF9CF968


@given(st.dictionaries(st.text(), st.integers()))
def test_hashes_ignore_the_order_of_keys(value: dict[str, int]) -> None:
    shuffled = dict(reversed(value.items()))
    assert podstate.short_hash(value) == podstate.short_hash(shuffled)
    assert set(podstate.short_hash(value)) <= set("bcdfghjklmnpqrstvwxz2456789")


def test_availability() -> None:
    start = podstate.seconds_of("2026-01-01T00:00:00Z")
    assert podstate.available_in(a_pod("a"), 0, start) == 0
    assert podstate.available_in(a_pod("a"), 10, start + 4) == 6
    assert podstate.available_in(a_pod("a", ready=False), 0, start) is None
