"""Dates and times in ticks of 100 ns, as SQL Server and this sandbox's engine count them, and as values of Python.

Python's own types end at microseconds. A value whose seventh digit is not 0 is a `FineTime` or a `FineStamp`: a dt.time or
dt.datetime that knows that digit. All arithmetic is done in ticks.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

MICROSECOND = 10
SECOND = 1_000_000 * MICROSECOND
MINUTE = 60 * SECOND
DAY = 86_400 * SECOND
DAYS_TO_1900 = 693_595
"""From 0001-01-01, where stamps begin."""
DAYS_TO_10000 = 3_652_059
END = DAYS_TO_10000 * DAY
"""The first stamp that is too late."""

_YEAR_1 = dt.datetime(1, 1, 1)


class _Fine:
    """What the seventh digit changes: equality and order."""

    seventh: int

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self})"

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other) is True and self.seventh == seventh_of(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((super().__hash__(), self.seventh))

    def __lt__(self, other: Any) -> bool:
        return self._order(other) < 0

    def __le__(self, other: Any) -> bool:
        return self._order(other) <= 0

    def __gt__(self, other: Any) -> bool:
        return self._order(other) > 0

    def __ge__(self, other: Any) -> bool:
        return self._order(other) >= 0

    def _order(self, other: Any) -> int:
        if super().__eq__(other) is True:
            return self.seventh - seventh_of(other)
        return -1 if super().__lt__(other) else 1  # type: ignore[misc]  # of dt's class beside it


class FineTime(_Fine, dt.time):
    """A time of the day whose seventh digit is not 0."""

    def isoformat(self, timespec: str = "auto") -> str:  # noqa: ARG002 - always all seven digits
        """`hh:mm:ss.fffffff`."""
        return f"{super().isoformat('microseconds')}{self.seventh}"


class FineStamp(_Fine, dt.datetime):
    """A datetime, naive or aware, whose seventh digit is not 0."""

    def isoformat(self, sep: str = "T", timespec: str = "auto") -> str:  # noqa: ARG002 - always all seven digits
        """`yyyy-mm-ddThh:mm:ss.fffffff`, and the offset where there is one."""
        text, end = super().isoformat(sep, "microseconds"), len("0001-01-01 00:00:00.000000")
        return f"{text[:end]}{self.seventh}{text[end:]}"


def seventh_of(value: object) -> int:
    """The seventh digit: 0 for Python's own types."""
    return value.seventh if isinstance(value, _Fine) else 0


def time_of(ticks: int) -> dt.time:
    """Ticks of the day as a time."""
    plain = (_YEAR_1 + dt.timedelta(0, 0, ticks // 10)).time()
    seventh = ticks % 10
    if not seventh:
        return plain
    fine = FineTime(plain.hour, plain.minute, plain.second, plain.microsecond)
    fine.seventh = seventh
    return fine


def stamp_of(ticks: int, minutes: int | None = None) -> dt.datetime:
    """Ticks since 0001-01-01, in local time, as a datetime; aware where the `minutes` of its offset are given."""
    plain = _YEAR_1 + dt.timedelta(0, 0, ticks // 10)
    if minutes is not None:
        plain = plain.replace(tzinfo=dt.timezone(dt.timedelta(0, minutes * 60)))
    seventh = ticks % 10
    if not seventh:
        return plain
    fine = FineStamp(*plain.timetuple()[:6], plain.microsecond, plain.tzinfo)
    fine.seventh = seventh
    return fine


def day_ticks(value: dt.time | dt.datetime) -> int:
    """Ticks of the day, in local time."""
    seconds = (value.hour * 60 + value.minute) * 60 + value.second
    return seconds * SECOND + value.microsecond * 10 + seventh_of(value)


def ticks_of(value: dt.datetime) -> int:
    """Ticks since 0001-01-01, in local time."""
    return (value.toordinal() - 1) * DAY + day_ticks(value)


def offset_minutes(value: dt.datetime) -> int:
    """The minutes of an aware datetime's offset."""
    offset = value.utcoffset()
    assert offset is not None
    return offset.days * 1440 + offset.seconds // 60


def unit_of(scale: int) -> int:
    """Ticks of a type's last fractional digit."""
    return int(10 ** (7 - scale))


def to_300ths(ticks: Any) -> Any:
    """Ticks of the day in datetime's 1/300 s, the nearest (numbers, and arrays of them)."""
    return (ticks * 3 + 50_000) // 100_000


def from_300ths(count: Any) -> Any:
    """datetime's 1/300 s in ticks, as they are shown: to the millisecond, .000, .003, .007 (numbers, and arrays of them)."""
    return (count * 10 + 1) // 3 * 10_000
