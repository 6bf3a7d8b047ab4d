"""Dates and times as TDS numbers, both ways (MS-TDS 2.2.5.5.1.8 and 2.2.5.5.1.9)."""

from __future__ import annotations

import datetime as dt

from etl.sandbox.errors import SqlServerError
from etl.sandbox.moments import (
    DAY,
    DAYS_TO_1900,
    DAYS_TO_10000,
    MINUTE,
    day_ticks,
    from_300ths,
    stamp_of,
    time_of,
    to_300ths,
    unit_of,
)
from etl.sandbox.wire.typeinfo import time_bytes

_DAY_TICKS_300 = 86_400 * 300
_SMALLDATETIME_MINUTES = 1440


class InvalidValueError(Exception):
    """The bytes are well framed, but no value of the type: a date beyond 9999, 25 o'clock."""


def _stamp(days: int, of_day: int) -> dt.datetime:
    """Days since 0001-01-01 and ticks of the day. Raises `InvalidValueError`."""
    if not (0 <= days < DAYS_TO_10000 and 0 <= of_day < DAY):
        raise InvalidValueError
    return stamp_of(days * DAY + of_day)


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")


def read_date(data: bytes) -> dt.date:
    """Three bytes of days since 0001-01-01."""
    return _stamp(_number(data), 0).date()


def read_time(data: bytes, scale: int) -> dt.time:
    """Time(scale)."""
    ticks = _number(data) * unit_of(scale)
    if ticks >= DAY:
        raise InvalidValueError
    return time_of(ticks)


def read_datetime2(data: bytes, scale: int) -> dt.datetime:
    """datetime2(scale): the time, then the date."""
    width = time_bytes(scale)
    return _stamp(_number(data[width:]), _number(data[:width]) * unit_of(scale))


def read_datetimeoffset(data: bytes, scale: int) -> dt.datetime:
    """datetimeoffset(scale): a datetime2 in UTC, then the offset in minutes. The value has that offset."""
    minutes = int.from_bytes(data[-2:], "little", signed=True)
    width = time_bytes(scale)
    utc_days, utc_ticks = _number(data[width:-2]), _number(data[:width]) * unit_of(scale)
    # UTC may lie outside of the years 1 to 9999 where local time does not.
    local = utc_days * DAY + utc_ticks + minutes * MINUTE
    if abs(minutes) > 14 * 60 or not 0 <= local < DAYS_TO_10000 * DAY:
        raise InvalidValueError
    return stamp_of(local, minutes)


def read_datetime(data: bytes) -> dt.datetime:
    """Days since 1900-01-01 (signed) and 1/300 seconds, as SQL Server shows them: to the millisecond."""
    days = int.from_bytes(data[:4], "little", signed=True)
    count = _number(data[4:])
    if count >= _DAY_TICKS_300:
        raise InvalidValueError
    return _stamp(days + DAYS_TO_1900, from_300ths(count))


def read_smalldatetime(data: bytes) -> dt.datetime:
    """Days since 1900-01-01 and minutes."""
    minutes = _number(data[2:])
    if minutes >= _SMALLDATETIME_MINUTES:
        raise InvalidValueError
    return _stamp(_number(data[:2]) + DAYS_TO_1900, minutes * MINUTE)


def datetime_parts(moment: dt.datetime) -> tuple[int, int]:
    """A datetime's days since 1900-01-01 and 1/300 seconds, rounded to the nearest."""
    days, count = moment.toordinal() - 1 - DAYS_TO_1900, to_300ths(day_ticks(moment))
    return (days + 1, 0) if count == _DAY_TICKS_300 else (days, count)


def smalldatetime_parts(moment: dt.datetime) -> tuple[int, int]:
    """A smalldatetime's days since 1900-01-01 and minutes."""
    return moment.toordinal() - 1 - DAYS_TO_1900, moment.hour * 60 + moment.minute


def invalid_value(ordinal: int, name: str, type_name: str) -> SqlServerError:
    """Error 8023: a parameter's bytes are no value of its type."""
    return SqlServerError(
        8023,
        "The incoming tabular data stream (TDS) remote procedure call (RPC) protocol stream is incorrect. "
        f'Parameter {ordinal} ("{name}"): The supplied value is not a valid instance of data type {type_name}. '
        "Check the source data for invalid values.",
        ends_batch=True,
    )
