"""python-tds's `copy_to`, from rows of Python objects."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

from etl import types
from tests.benchmarks.case import Case, Place, installed
from tests.benchmarks.frame import python_rows
from tests.benchmarks.tables import emptied


def prepare(place: Place) -> Callable[[], int]:
    pytds = installed("pytds")
    emptied(place).close()
    connection = pytds.connect(
        place.host, place.database, place.user, place.password, port=place.port, autocommit=False
    )
    declared = place.dataset.columns
    columns = [pytds.Column(column.name, type=_type(pytds.tds_types, column.sql_type)) for column in declared]
    kinds = [types.base_name(column.sql_type) for column in declared]
    sent = [tuple(map(_taken, kinds, row)) for row in python_rows(place)]

    def load() -> int:
        with connection.cursor() as cursor:
            cursor.copy_to(data=sent, table_or_view=place.empty_table, columns=columns, rows_per_batch=len(sent))
        connection.commit()
        return len(sent)

    return load


def _type(of: Any, sql_type: str) -> Any:
    """Its own type of a column; what it has no type for in bulk copy goes as the nearest one."""
    name, length, scale = types.split(sql_type)
    if length is None and name in {"varchar", "nvarchar", "varbinary"}:
        return {"varchar": of.VarCharMaxType, "nvarchar": of.NVarCharMaxType, "varbinary": of.VarBinaryMaxType}[name]()
    sized = {
        # Its char, nchar and binary are declared as such and sent as varchar, nvarchar and without a length.
        "char": of.VarCharType,
        "varchar": of.VarCharType,
        "nchar": of.NVarCharType,
        "nvarchar": of.NVarCharType,
        "binary": of.VarBinaryType,
        "varbinary": of.VarBinaryType,
        "time": of.TimeType,
        "datetime2": of.DateTime2Type,
        "datetimeoffset": of.DateTimeOffsetType,
    }
    if name in sized:
        return sized[name](length)
    if name in {"decimal", "numeric"}:
        return of.DecimalType(length, scale)
    plain = {
        "bit": of.BitType,
        "tinyint": of.TinyIntType,
        "smallint": of.SmallIntType,
        "int": of.IntType,
        "bigint": of.BigIntType,
        "real": of.RealType,
        "float": of.FloatType,
        "date": of.DateType,
        "smalldatetime": of.SmallDateTimeType,
        "datetime": of.DateTimeType,
        "uniqueidentifier": of.UniqueIdentifierType,
        "xml": of.NVarCharMaxType,
        "text": of.VarCharMaxType,
        "ntext": of.NVarCharMaxType,
        "image": of.VarBinaryMaxType,
    }
    # Its money is no type of bulk copy's.
    return of.DecimalType(19, 4) if name in {"money", "smallmoney"} else plain[name]()


def _taken(kind: str, value: Any) -> Any:
    if value is None:
        return None
    if kind == "uniqueidentifier":
        return uuid.UUID(value)
    return dt.datetime.fromisoformat(f"{value[:26]}{value[-6:]}") if kind == "datetimeoffset" else value


CASE = Case("load", "python-tds copy_to", prepare, share=0.25)
