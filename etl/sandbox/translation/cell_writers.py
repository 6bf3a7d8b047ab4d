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
from etl.sandbox.sqltypes import SqlType, Value
from etl.sandbox.translation.types import family, is_wide

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
_ISO_STAMP = re.compile(r"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{1,6})?$")


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
    name, scale = column.type.name, column.type.scale or 0
    if name == "smalldatetime":
        return _never(column)
    step = 1 if scale >= 6 else 10 ** (6 - scale)

    def write(_kind: SqlType, value: Value) -> Parameter:
        if type(value) is str and (_ISO_DATE.match(value) or _ISO_STAMP.match(value)):
            if name == "datetime" and len(value.partition(".")[2]) > 3:
                raise NotPlain
            value = _iso(value)
        elif type(value) is dt.date:
            value = dt.datetime(value.year, value.month, value.day)
        if type(value) is not dt.datetime or value.tzinfo is not None:
            raise NotPlain
        if name == "datetime":
            if value.year < 1753 or value.year == 9999:
                raise NotPlain
            return round_datetime(value).isoformat(" ")
        if value.microsecond % step:
            raise NotPlain
        return value.isoformat(" ")

    return write


def _time_writer(column: Column) -> Writer:
    step = 1 if (column.type.scale or 0) >= 6 else 10 ** (6 - (column.type.scale or 0))

    def write(_kind: SqlType, value: Value) -> Parameter:
        if type(value) is dt.time and value.microsecond % step == 0:
            return value.isoformat()
        raise NotPlain

    return write


def _offset_writer(column: Column) -> Writer:
    step = 1 if (column.type.scale or 0) >= 6 else 10 ** (6 - (column.type.scale or 0))
    kind = column.type

    def write(_kind: SqlType, value: Value) -> Parameter:
        if type(value) is dt.datetime and value.tzinfo is not None and value.microsecond % step == 0:
            return encode(value, kind)
        raise NotPlain

    return write


def round_datetime(value: dt.datetime) -> dt.datetime:
    """A value as datetime holds it: 1/300 s, shown in milliseconds."""
    ticks = (value.microsecond * 3 + 5000) // 10000
    milliseconds = (ticks * 10 + 1) // 3
    return value.replace(microsecond=0) + dt.timedelta(milliseconds=milliseconds)


def _iso(text: str) -> dt.datetime:
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        raise NotPlain from None


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
