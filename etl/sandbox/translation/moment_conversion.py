"""Dates and times, to each other and to and from text and numbers of days."""

from __future__ import annotations

from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.moments import unit_of
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation.conversion_request import Request
from etl.sandbox.translation.text_conversion import cut
from etl.sandbox.translation.types import family, storage, time_scale


def text_to_date(sql: str, request: Request) -> str:
    """Error 241."""
    _text_style(request)
    return f"sandbox.date_from_text({sql}, {request.strict})"


def text_to_time(sql: str, request: Request) -> str:
    """Error 241."""
    _text_style(request)
    return f"sandbox.time_from_text({sql}, {_unit(request.target)}, {request.strict})"


def text_to_stamp(sql: str, request: Request) -> str:
    """Errors 241 and 242."""
    _text_style(request)
    target = request.target
    return f"sandbox.stamp_from_text({sql}, '{target.name}', {_unit(target)}, {request.strict}, {request.source_name})"


def text_to_offset(sql: str, request: Request) -> str:
    """Error 241."""
    _text_style(request)
    return f"sandbox.dto_from_text({sql}, {_unit(request.target)}, {request.strict})"


def _text_style(request: Request) -> None:
    if request.style is not None and request.style not in {0, 20, 21, 23, 100, 101, 111, 112, 120, 121, 126, 127, 1}:
        raise not_supported(f"CONVERT of a text to {request.target.name} with style {request.style}")


def _unit(target: SqlType) -> int:
    """Ticks of the type's last fractional digit."""
    return unit_of(time_scale(target))


def _counted(sql: str, source: SqlType, target: SqlType) -> str:
    """A stamp as it goes into another type: datetime with its thirds of a millisecond where there are digits for them."""
    return f"sandbox.datetime_exact({sql})" if source.name == "datetime" and time_scale(target) > 3 else sql


def _loses_digits(request: Request) -> bool:
    source = 7 if request.source.name == "datetime" else time_scale(request.source)
    return source > time_scale(request.target)


def to_stamp(sql: str, request: Request) -> str:
    """Rounded as the target counts. Error 242 outside of its years, 8115 beyond the year 9999."""
    target = request.target
    if target.name != "datetime2":
        return f"sandbox.datetime_fit({sql}, '{target.name}', {request.strict}, {request.source_name})"
    counted = _counted(sql, request.source, target)
    if not _loses_digits(request):
        return counted
    return f"sandbox.stamp_round({counted}, {_unit(target)}, 'datetime2', {request.strict})"


def date_to_stamp(sql: str, request: Request) -> str:
    """Midnight of the day."""
    return to_stamp(f"sandbox.stamp_of({sql})", request)


def time_to_stamp(sql: str, request: Request) -> str:
    """The time on 1900-01-01."""
    return to_stamp(f"sandbox.stamp_of({sql})", request)


def offset_to_stamp(sql: str, request: Request) -> str:
    """The local time."""
    return to_stamp(f"sandbox.dto_local({sql})", request)


def time_to_time(sql: str, request: Request) -> str:
    """Rounded to the scale; a time does not go on to the next day."""
    return f"sandbox.clock_round({sql}, {_unit(request.target)})" if _loses_digits(request) else sql


def stamp_to_time(sql: str, request: Request) -> str:
    """The time of the day."""
    return time_to_time(f"sandbox.clock_of({_counted(sql, request.source, request.target)})", request)


def offset_to_time(sql: str, request: Request) -> str:
    """The local time of the day."""
    return time_to_time(f"sandbox.clock_of(sandbox.dto_local({sql}))", request)


def stamp_to_offset(sql: str, request: Request) -> str:
    """A stamp, date or time at offset zero."""
    stamp = sql if family(request.source) == "stamp" else f"sandbox.stamp_of({sql})"
    return offset_to_offset(f"sandbox.dto_make({_counted(stamp, request.source, request.target)}, 0)", request)


def offset_to_offset(sql: str, request: Request) -> str:
    """Rounded to the scale. Error 8115 beyond the year 9999."""
    if not _loses_digits(request):
        return sql
    return f"sandbox.dto_round({sql}, {_unit(request.target)}, {request.strict})"


def moment_to_text(sql: str, request: Request) -> str:
    """By the style, cut to the length."""
    source = request.source
    default = 0 if source.name in {"datetime", "smalldatetime"} else 121
    style = default if request.style is None else request.style
    if source.name == "datetimeoffset":
        return cut(f"sandbox.dto_to_text({sql}, {source.scale}, {style})", request.target)
    inner = sql if family(source) == "stamp" else f"sandbox.stamp_of({sql})"
    return cut(f"sandbox.stamp_to_text({inner}, '{source.name}', {time_scale(source)}, {style})", request.target)


def days_to_stamp(sql: str, request: Request) -> str:
    """Days since 1900-01-01. Error 529 for datetime2."""
    if request.target.name == "datetime2":
        raise SqlServerError(
            529,
            f"Explicit conversion from data type {request.source.name} to {request.target.name} is not allowed.",
            ends_batch=True,
        )
    inner = f"({sql})::int4" if request.source.name == "bit" else sql
    return (
        f"sandbox.stamp_from_days(({inner})::numeric, '{request.target.name}', {request.strict}, {request.source_name})"
    )


def stamp_to_days(sql: str, request: Request) -> str:
    """Days since 1900-01-01. Error 529 from datetime2."""
    if request.source.name == "datetime2":
        raise SqlServerError(
            529,
            f"Explicit conversion from data type {request.source.name} to {request.target.name} is not allowed.",
            ends_batch=True,
        )
    days = f"sandbox.days_of({sql})"
    target = request.target
    if family(target) == "int":
        return (
            f"sandbox.int_from_number(round({days}), '{target.name}', {request.strict},"
            f" {request.source_name})::{storage(target)}"
        )
    return f"({days})::float8::{storage(target)}"
