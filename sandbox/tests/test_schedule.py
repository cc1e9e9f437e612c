"""Schedules, when they come next, and what is said about bad ones."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from linkerd_sandbox.schedule import next_after, parse

START = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC).timestamp()  # a Thursday


@pytest.mark.parametrize(
    ("schedule", "following"),
    [
        ("* * * * *", "2026-01-01 12:01"),
        ("*/15 * * * *", "2026-01-01 12:15"),
        ("5 4 * * *", "2026-01-02 04:05"),
        ("0 0 29 2 *", "2028-02-29 00:00"),
        ("0 12 * * sun", "2026-01-04 12:00"),
        ("0 12 * * SUN", "2026-01-04 12:00"),
        ("10/20 12 * * *", "2026-01-01 12:10"),
        ("0 12 13 * fri", "2026-01-02 12:00"),
        ("0 9-17/4 * jan mon-fri", "2026-01-01 13:00"),
        ("30 1,3 * * *", "2026-01-02 01:30"),
        ("@hourly", "2026-01-01 13:00"),
        ("@monthly", "2026-02-01 00:00"),
    ],
)
def test_schedules(schedule: str, following: str) -> None:
    found = next_after(parse(schedule), START)
    assert found is not None
    assert datetime.fromtimestamp(found, UTC).strftime("%Y-%m-%d %H:%M") == following


def test_a_time_zone_shifts_it_and_some_days_never_come() -> None:
    found = next_after(parse("0 0 * * *"), START, ZoneInfo("Asia/Tokyo"))
    assert found == datetime(2026, 1, 1, 15, tzinfo=UTC).timestamp()
    assert next_after(parse("0 0 31 2 *"), START) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "expected exactly 5 fields, found 0: []"),
        ("* * *", "expected exactly 5 fields, found 3: [* * *]"),
        ("60 * * * *", "end of range (60) above maximum (59): 60"),
        ("* 24 * * *", "end of range (24) above maximum (23): 24"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("* * * * 7", "end of range (7) above maximum (6): 7"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("*/1/2 * * * *", "too many slashes: */1/2"),
        ("a * * * *", 'failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax'),
        ("*/sun * * * *", 'failed to parse int from sun: strconv.Atoi: parsing "sun": invalid syntax'),
        ("@often", "unrecognized descriptor: @often"),
    ],
)
def test_bad_schedules(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why) + "$"):
        parse(text)
