"""Schedules of CronJobs: five fields, or a name for some of them. PURE.

For the API server, which refuses what cannot be read, and for the controller. Source: robfig/cron's standard parser
(version 3), whose words of refusal these are.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, NamedTuple

_MACROS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NO_NAMES: Final[Mapping[str, int]] = {}
_HORIZON: Final = timedelta(days=366 * 5)


class _Bounds(NamedTuple):
    low: int
    high: int
    names: Mapping[str, int] = _NO_NAMES


_FIELDS: Final = (
    _Bounds(0, 59),
    _Bounds(0, 23),
    _Bounds(1, 31),
    _Bounds(1, 12, {name: index + 1 for index, name in enumerate(_MONTHS)}),
    _Bounds(0, 6, {name: index for index, name in enumerate(_DAYS)}),
)


class Schedule(NamedTuple):
    """The five fields as sets."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    """Day of month or day of week is a star: both must then match; else one is enough."""


def parse(text: str) -> Schedule:
    """A schedule. Raises ValueError."""
    if text.startswith("@"):
        if text not in _MACROS:
            raise ValueError(f"unrecognized descriptor: {text}")
        fields = _MACROS[text].split()
    else:
        fields = text.split()
    if len(fields) != len(_FIELDS):
        raise ValueError(f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]")
    sets = [_field(*one) for one in zip(fields, _FIELDS, strict=True)]
    star = any(field.startswith(("*", "?")) for field in (fields[2], fields[4]))
    return Schedule(sets[0], sets[1], sets[2], sets[3], sets[4], star)


def _field(text: str, bounds: _Bounds) -> frozenset[int]:
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        found.update(_range(part, bounds))
    return frozenset(found)


def _range(part: str, bounds: _Bounds) -> range:
    whole, *steps = part.split("/")
    first, *last = whole.split("-")
    if first in ("*", "?"):
        low, high = bounds.low, bounds.high
    else:
        if len(last) > 1:
            raise ValueError(f"too many hyphens: {part}")
        low = _number(first, bounds.names)
        high = _number(last[0], bounds.names) if last else low
    if len(steps) > 1:
        raise ValueError(f"too many slashes: {part}")
    step = _number(steps[0], _NO_NAMES) if steps else 1
    if steps and not last and first not in ("*", "?"):
        high = bounds.high
    if low < bounds.low:
        raise ValueError(f"beginning of range ({low}) below minimum ({bounds.low}): {part}")
    if high > bounds.high:
        raise ValueError(f"end of range ({high}) above maximum ({bounds.high}): {part}")
    if low > high:
        raise ValueError(f"beginning of range ({low}) beyond end of range ({high}): {part}")
    if step == 0:
        raise ValueError(f"step of range should be a positive number: {part}")
    return range(low, high + 1, step)


def _number(text: str, names: Mapping[str, int]) -> int:
    if text.lower() in names:
        return names[text.lower()]
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax')
    if text.startswith("-") and int(digits):
        raise ValueError(f"negative number ({text}) not allowed: {text}")
    return int(digits)


def next_after(schedule: Schedule, time: float, zone: tzinfo = UTC) -> float | None:
    """Unix seconds of the first time after `time`; None where there is none within five years."""
    moment = datetime.fromtimestamp(time, zone).replace(second=0, microsecond=0) + timedelta(minutes=1)
    limit = moment + _HORIZON
    while moment < limit:
        if moment.month not in schedule.months or not _day(schedule, moment):
            moment = (moment + timedelta(days=1)).replace(hour=0, minute=0)
        elif moment.hour not in schedule.hours:
            moment = (moment + timedelta(hours=1)).replace(minute=0)
        elif moment.minute not in schedule.minutes:
            moment += timedelta(minutes=1)
        else:
            return moment.timestamp()
    return None


def _day(schedule: Schedule, moment: datetime) -> bool:
    of_month = moment.day in schedule.days
    of_week = moment.isoweekday() % 7 in schedule.weekdays
    return of_month and of_week if schedule.any_day else of_month or of_week
