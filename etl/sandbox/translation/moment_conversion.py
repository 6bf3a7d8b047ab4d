"""Dates and times, to each other and to and from text and numbers of days."""

from __future__ import annotations

from etl.sandbox.errors import SqlServerError, not_supported
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
    return f"sandbox.time_from_text({sql}, {request.target.scale}, {request.strict})"


def text_to_stamp(sql: str, request: Request) -> str:
    """Errors 241 and 242."""
    _text_style(request)
    scale = time_scale(request.target)
    return f"sandbox.stamp_from_text({sql}, '{request.target.name}', {scale}, {request.strict}, {request.source_name})"


def text_to_offset(sql: str, request: Request) -> str:
    """Error 241."""
    _text_style(request)
    return f"sandbox.dto_from_text({sql}, {request.target.scale}, {request.strict})"


def _text_style(request: Request) -> None:
    if request.style is not None and request.style not in {0, 20, 21, 23, 100, 101, 111, 112, 120, 121, 126, 127, 1}:
        raise not_supported(f"CONVERT of a text to {request.target.name} with style {request.style}")


def to_stamp(sql: str, request: Request) -> str:
    """Rounded as the target counts. Error 242 outside of its years."""
    target = request.target
    if target.name != "datetime2":
        return f"sandbox.datetime_fit({sql}, '{target.name}', {request.strict}, {request.source_name})"
    assert target.scale is not None
    if time_scale(request.source) <= target.scale or target.scale >= 6:
        return sql
    return f"sandbox.stamp_round({sql}, {target.scale})"


def date_to_stamp(sql: str, request: Request) -> str:
    """Midnight of the day."""
    return to_stamp(f"({sql})::timestamp", request)


def time_to_stamp(sql: str, request: Request) -> str:
    """The time on 1900-01-01."""
    return to_stamp(f"(date '1900-01-01' + {sql})", request)


def offset_to_stamp(sql: str, request: Request) -> str:
    """The local time."""
    return to_stamp(f"sandbox.dto_local({sql})", request)


def stamp_to_time(sql: str, request: Request) -> str:
    """The time of the day."""
    return f"sandbox.time_round(({sql})::time, {request.target.scale})"


def offset_to_time(sql: str, request: Request) -> str:
    """The local time of the day."""
    return f"sandbox.time_round(sandbox.dto_local({sql})::time, {request.target.scale})"


def stamp_to_offset(sql: str, request: Request) -> str:
    """At offset zero."""
    return f"sandbox.dto_make(sandbox.stamp_round(({sql})::timestamp, {request.target.scale}), 0)"


def time_to_offset(sql: str, request: Request) -> str:
    """The time on 1900-01-01 at offset zero."""
    return f"sandbox.dto_make(sandbox.stamp_round(date '1900-01-01' + {sql}, {request.target.scale}), 0)"


def offset_to_offset(sql: str, request: Request) -> str:
    """Rounded to the scale."""
    if (request.source.scale or 0) <= (request.target.scale or 0) or (request.target.scale or 0) >= 6:
        return sql
    return (
        f"(SELECT ROW(sandbox.stamp_round((o).utc, {request.target.scale}), (o).minutes)::sandbox.dto FROM (SELECT"
        f" {sql}) x (o))"
    )


def moment_to_text(sql: str, request: Request) -> str:
    """By the style, cut to the length."""
    source = request.source
    default = 0 if source.name in {"datetime", "smalldatetime"} else 121
    style = default if request.style is None else request.style
    if source.name == "datetimeoffset":
        return cut(f"sandbox.dto_to_text({sql}, {source.scale}, {style})", request.target)
    inner = f"(date '1900-01-01' + {sql})" if source.name == "time" else f"({sql})::timestamp"
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
    stamp = f"(timestamp '1900-01-01' + make_interval(secs => (({inner})::numeric * 86400)::float8))"
    return f"sandbox.datetime_fit({stamp}, '{request.target.name}', {request.strict}, {request.source_name})"


def stamp_to_days(sql: str, request: Request) -> str:
    """Days since 1900-01-01. Error 529 from datetime2."""
    if request.source.name == "datetime2":
        raise SqlServerError(
            529,
            f"Explicit conversion from data type {request.source.name} to {request.target.name} is not allowed.",
            ends_batch=True,
        )
    days = f"(extract(epoch FROM ({sql}) - timestamp '1900-01-01') / 86400)"
    target = request.target
    if family(target) == "int":
        return (
            f"sandbox.int_from_number(round({days}), '{target.name}', {request.strict},"
            f" {request.source_name})::{storage(target)}"
        )
    return f"({days})::float8::{storage(target)}"
