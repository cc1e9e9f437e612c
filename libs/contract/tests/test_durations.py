"""Durations and port sets, by Linkerd's rules."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkerd_contract.durations import parse_duration_ms, parse_go_duration_ms, parse_ports, port_in


@pytest.mark.parametrize(
    ("text", "ms"), [("10s", 10000), ("250ms", 250), (" 1h ", 3600000), ("2d", 172800000), ("3m", 180000), ("0", 0)]
)
def test_durations(text: str, ms: int) -> None:
    assert parse_duration_ms(text) == ms


@pytest.mark.parametrize("text", ["", "5", "1.5s", "-1s", "10 s", "s", "10us", "1h30m"])
def test_what_is_not_a_duration(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration_ms(text)


@pytest.mark.parametrize(
    ("text", "ms"), [("24h0m0s", 86_400_000), ("1.5h", 5_400_000), ("20s", 20_000), ("1m30s", 90_000), ("0", 0)]
)
def test_go_durations(text: str, ms: int) -> None:
    assert parse_go_duration_ms(text) == ms


@pytest.mark.parametrize("text", ["", "5", "s", "-1s", "1 s", "1s ", "1e3s", "1" * 50 + "s"])
def test_what_is_not_a_go_duration(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_go_duration_ms(text)


def test_port_sets() -> None:
    ranges = parse_ports("1-2,42, 80-420,")
    assert ranges == [(1, 2), (42, 42), (80, 420)]
    assert [p for p in (1, 3, 42, 100, 421) if port_in(ranges, p)] == [1, 42, 100]


@pytest.mark.parametrize("text", ["2-1", "1-", "-1", "0", "65536", "http", "1 2"])
def test_what_is_not_a_port_set(text: str) -> None:
    with pytest.raises(ValueError, match="port"):
        parse_ports(text)


@given(st.text(max_size=20))
def test_any_text_parses_or_is_a_value_error(text: str) -> None:
    for parse in (parse_duration_ms, parse_ports):
        with contextlib.suppress(ValueError):
            parse(text)
