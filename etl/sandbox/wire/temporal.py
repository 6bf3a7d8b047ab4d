"""Dates and times as TDS numbers, both ways (MS-TDS 2.2.5.5.1.8 and 2.2.5.5.1.9).

Python's microseconds carry six digits. A seventh that is not 0 is refused by name.
"""

from __future__ import annotations

import datetime as dt

from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.wire.typeinfo import time_bytes

YEAR_1 = dt.datetime(1, 1, 1)
_YEAR_1900 = dt.datetime(1900, 1, 1)
_DAYS_TO_YEAR_10000 = 3_652_059
_DAY_MICROSECONDS = 86_400_000_000
_DAY_TICKS_300 = 86_400 * 300
_SMALLDATETIME_MINUTES = 1440


class InvalidValueError(Exception):
    """The bytes are well framed, but no value of the type: a date beyond 9999, 25 o'clock."""


def split(moment: dt.datetime) -> tuple[int, int]:
    """Days since 0001-01-01 and microseconds of the day."""
    since = moment - YEAR_1
    return since.days, since.seconds * 1_000_000 + since.microseconds


def join(days: int, microseconds: int) -> dt.datetime:
    """The inverse of `split`. Raises `InvalidValueError`."""
    if not (0 <= days < _DAYS_TO_YEAR_10000 and 0 <= microseconds < _DAY_MICROSECONDS):
        raise InvalidValueError
    return YEAR_1 + dt.timedelta(days, 0, microseconds)


def to_ticks(microseconds: int, scale: int) -> int:
    """Microseconds of the day in units of 10^-scale seconds; digits beyond the scale are cut."""
    return microseconds * 10 if scale == 7 else microseconds // 10 ** (6 - scale)


def from_ticks(ticks: int, scale: int) -> int:
    """Microseconds of the day. Raises the refusal of a seventh digit."""
    if scale < 7:
        return int(ticks * 10 ** (6 - scale))
    microseconds, seventh = divmod(ticks, 10)
    if seventh:
        raise not_supported("a seventh fractional digit (100 ns) in a time")
    return microseconds


def time_of_day(microseconds: int) -> dt.time:
    """A time from microseconds of the day. Raises `InvalidValueError`."""
    return join(0, microseconds).time()


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")


def read_date(data: bytes) -> dt.date:
    """Three bytes of days since 0001-01-01."""
    return join(_number(data), 0).date()


def read_time(data: bytes, scale: int) -> dt.time:
    """Time(scale)."""
    return time_of_day(from_ticks(_number(data), scale))


def read_datetime2(data: bytes, scale: int) -> dt.datetime:
    """datetime2(scale): the time, then the date."""
    width = time_bytes(scale)
    return join(_number(data[width:]), from_ticks(_number(data[:width]), scale))


def read_datetimeoffset(data: bytes, scale: int) -> dt.datetime:
    """datetimeoffset(scale): a datetime2 in UTC, then the offset in minutes. The value has that offset."""
    offset = int.from_bytes(data[-2:], "little", signed=True)
    if abs(offset) > 14 * 60:
        raise InvalidValueError
    width = time_bytes(scale)
    utc_days, utc_microseconds = _number(data[width:-2]), from_ticks(_number(data[:width]), scale)
    # Local time is made from integers: UTC may lie outside of the years that Python has where local time does not.
    days, microseconds = divmod(
        utc_days * _DAY_MICROSECONDS + utc_microseconds + offset * 60_000_000, _DAY_MICROSECONDS
    )
    return join(days, microseconds).replace(tzinfo=dt.timezone(dt.timedelta(minutes=offset)))


def read_datetime(data: bytes) -> dt.datetime:
    """Days since 1900-01-01 (signed) and 1/300 seconds, as SQL Server shows them: to the millisecond."""
    days = int.from_bytes(data[:4], "little", signed=True)
    ticks = _number(data[4:])
    if ticks >= _DAY_TICKS_300:
        raise InvalidValueError
    return join(days + (_YEAR_1900 - YEAR_1).days, (ticks * 10 + 1) // 3 * 1000)


def read_smalldatetime(data: bytes) -> dt.datetime:
    """Days since 1900-01-01 and minutes."""
    minutes = _number(data[2:])
    if minutes >= _SMALLDATETIME_MINUTES:
        raise InvalidValueError
    return _YEAR_1900 + dt.timedelta(days=_number(data[:2]), minutes=minutes)


def datetime_parts(moment: dt.datetime) -> tuple[int, int]:
    """A datetime's days since 1900-01-01 and 1/300 seconds, rounded to the nearest."""
    since = moment - _YEAR_1900
    ticks = ((since.seconds * 1_000_000 + since.microseconds) * 3 + 5000) // 10000
    return (since.days + 1, 0) if ticks == _DAY_TICKS_300 else (since.days, ticks)


def smalldatetime_parts(moment: dt.datetime) -> tuple[int, int]:
    """A smalldatetime's days since 1900-01-01 and minutes."""
    since = moment - _YEAR_1900
    return since.days, since.seconds // 60


def invalid_value(ordinal: int, name: str, type_name: str) -> SqlServerError:
    """Error 8023: a parameter's bytes are no value of its type."""
    return SqlServerError(
        8023,
        "The incoming tabular data stream (TDS) remote procedure call (RPC) protocol stream is incorrect. "
        f'Parameter {ordinal} ("{name}"): The supplied value is not a valid instance of data type {type_name}. '
        "Check the source data for invalid values.",
        ends_batch=True,
    )
