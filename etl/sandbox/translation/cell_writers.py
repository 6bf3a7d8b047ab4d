"""From Python's values to a column's parameters, where the conversion is plain: one writer a column.

Anything that is not plain raises `NotPlain`, and the statement goes the general way, which knows every rule.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable
from decimal import Decimal

from etl.sandbox.arguments import encode, shuffle_guid
from etl.sandbox.catalog import Column
from etl.sandbox.link import Parameter
from etl.sandbox.loading import rounded
from etl.sandbox.moments import SECOND, day_ticks, ticks_of, unit_of
from etl.sandbox.sqltypes import SqlType, Value
from etl.sandbox.translation.types import family, is_wide, time_scale

Writer = Callable[[SqlType, Value], Parameter]
"""From a value with its own type to a parameter for the column. Raises `NotPlain`."""


class NotPlain(Exception):
    """A value needs a conversion that only the general way knows."""


def column_writer(column: Column) -> Writer:
    """The writer for a column; for a type that has none, one that always raises `NotPlain`."""
    return _WRITERS.get(family(column.type), _never)(column)


def _never(_column: Column) -> Writer:
    def write(_kind: SqlType, _value: Value) -> Parameter:
        raise NotPlain

    return write


def _text_writer(column: Column) -> Writer:
    length, wide, fixed = column.type.length, is_wide(column.type), column.type.name in {"char", "nchar"}

    def write(_kind: SqlType, value: Value) -> Parameter:
        if type(value) is not str:
            raise NotPlain
        if fixed:
            value = value.rstrip(" ")
        if not value.isascii():
            if not wide:
                raise NotPlain  # by code page, or counted in bytes of UTF-8
            if length is not None and len(value.encode("utf-16-le")) // 2 > length:
                raise NotPlain
        if length is not None and len(value) > length:
            raise NotPlain  # 2628, or trailing blanks that are cut
        return encode(value, column.type)

    return write


_RANGES = {
    "tinyint": (0, 255),
    "smallint": (-(2**15), 2**15 - 1),
    "int": (-(2**31), 2**31 - 1),
    "bigint": (-(2**63), 2**63 - 1),
}


def _int_writer(column: Column) -> Writer:
    low, high = _RANGES[column.type.name]

    def write(_kind: SqlType, value: Value) -> Parameter:
        if type(value) is int and low <= value <= high:
            return repr(value)
        if type(value) is bool:
            return "1" if value else "0"
        raise NotPlain

    return write


def _bit_writer(_column: Column) -> Writer:
    def write(_kind: SqlType, value: Value) -> Parameter:
        if type(value) is bool or type(value) is int:
            return "t" if value else "f"
        raise NotPlain

    return write


def _float_writer(column: Column) -> Writer:
    double = column.type.name == "float"

    def write(_kind: SqlType, value: Value) -> Parameter:
        if type(value) is float and double:
            return repr(value)
        if type(value) is int and abs(value) < 2**53:
            return repr(value)
        raise NotPlain

    return write


def _decimal_writer(column: Column) -> Writer:
    precision, scale = column.type.precision or 0, column.type.scale or 0
    limit = Decimal(10) ** (precision - scale)

    def write(_kind: SqlType, value: Value) -> Parameter:
        if type(value) is int and abs(value) < limit:
            return repr(value)
        if type(value) is Decimal and -int(value.as_tuple().exponent) <= scale and abs(value) < limit:
            return format(value, "f")
        raise NotPlain

    return write


def _money_writer(column: Column) -> Writer:
    limit = 900_000_000_000_000 if column.type.name == "money" else 200_000

    def write(_kind: SqlType, value: Value) -> Parameter:
        if type(value) is int and abs(value) < limit:
            return repr(value)
        if type(value) is Decimal and abs(value) < limit and -int(value.as_tuple().exponent) <= 4:
            return format(value, "f")
        raise NotPlain

    return write


def _binary_writer(column: Column) -> Writer:
    length, fixed = column.type.length, column.type.name == "binary"

    def write(_kind: SqlType, value: Value) -> Parameter:
        if type(value) is not bytes or (length is not None and len(value) > length):
            raise NotPlain
        return value.ljust(length, b"\0") if fixed and length is not None else value

    return write


_GUID = re.compile(r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")


def _guid_writer(_column: Column) -> Writer:
    def write(_kind: SqlType, value: Value) -> Parameter:
        if type(value) is uuid.UUID:
            return shuffle_guid(value)
        if type(value) is str and _GUID.match(value):
            return shuffle_guid(uuid.UUID(value))
        raise NotPlain

    return write


_ISO_DATE = re.compile(r"^\d{4}-\d\d-\d\d$")
_ISO_STAMP = re.compile(r"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{1,7})?$")


def _date_writer(_column: Column) -> Writer:
    def write(_kind: SqlType, value: Value) -> Parameter:
        if type(value) is dt.date:
            return value.isoformat()
        if type(value) is dt.datetime and value.tzinfo is None:
            return value.date().isoformat()
        if type(value) is str and _ISO_DATE.match(value):
            return _iso(value).date().isoformat()
        raise NotPlain

    return write


def _stamp_writer(column: Column) -> Writer:
    target = column.type
    if target.name == "smalldatetime":
        return _never(column)
    unit = unit_of(time_scale(target))

    def write(kind: SqlType, value: Value) -> Parameter:
        if type(value) is str:
            if target.name == "datetime" and len(value.partition(".")[2]) > 3:
                raise NotPlain
            ticks = _iso_ticks(value)
        elif type(value) is dt.date:
            ticks = ticks_of(dt.datetime(value.year, value.month, value.day))
        elif isinstance(value, dt.datetime) and value.tzinfo is None:
            ticks = ticks_of(value)
        else:
            raise NotPlain
        if target.name == "datetime":
            if not _YEAR_1753 <= ticks < _YEAR_9999:
                raise NotPlain
            return str(rounded(ticks, target))
        # A datetime has thirds of a millisecond, which it does not show.
        if ticks % unit or (kind.name == "datetime" and unit < SECOND // 1000):
            raise NotPlain
        return str(ticks)

    return write


_YEAR_1753, _YEAR_9999 = ticks_of(dt.datetime(1753, 1, 1)), ticks_of(dt.datetime(9999, 1, 1))


def _time_writer(column: Column) -> Writer:
    unit = unit_of(time_scale(column.type))

    def write(_kind: SqlType, value: Value) -> Parameter:
        if isinstance(value, dt.time) and day_ticks(value) % unit == 0:
            return str(day_ticks(value))
        raise NotPlain

    return write


def _offset_writer(column: Column) -> Writer:
    kind = column.type
    unit = unit_of(time_scale(kind))

    def write(_kind: SqlType, value: Value) -> Parameter:
        if isinstance(value, dt.datetime) and value.tzinfo is not None and day_ticks(value) % unit == 0:
            return encode(value, kind)
        raise NotPlain

    return write


def _iso(text: str) -> dt.datetime:
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        raise NotPlain from None


def _iso_ticks(text: str) -> int:
    if _ISO_DATE.match(text):
        return ticks_of(_iso(text))
    found = _ISO_STAMP.match(text)
    if found is None:
        raise NotPlain
    return ticks_of(_iso(text[:19])) + int((found[1] or ".")[1:].ljust(7, "0"))


_WRITERS: dict[str, Callable[[Column], Writer]] = {
    "text": _text_writer,
    "int": _int_writer,
    "bit": _bit_writer,
    "float": _float_writer,
    "decimal": _decimal_writer,
    "money": _money_writer,
    "date": _date_writer,
    "stamp": _stamp_writer,
    "time": _time_writer,
    "offset": _offset_writer,
    "binary": _binary_writer,
    "guid": _guid_writer,
}
