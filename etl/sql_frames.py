"""Frames from and to a database in one call: `read_sql`, `iter_sql`, `to_sql`, and `bulk_copy` for pandas' own `to_sql`.

Names and parameters are pandas'. What is different: columns keep their SQL types on the way in and out, and rows travel over
the fast paths, arrow-odbc and bulk copy, where driver and types allow it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from sqlalchemy.engine import URL, Connection, Engine

from etl import (
    catalog,
    connect,
    extract,
    frames,
    load,
    plain_query,
    read_rows,
    references,
    route,
    seventh_digit,
    types,
    wrapping,
)
from etl.append import append
from etl.batches import in_runs
from etl.connect import Endpoint, Role
from etl.errors import JobError, SchemaError
from etl.frame_dtypes import FrameDtypes
from etl.selection import Selection, select_query, select_table
from etl.statements import TableName
from etl.types import Column

Database = str | URL | Engine | Connection
"""A URL, `env:NAME` of a variable with one, an engine, or a connection, whose transaction is joined."""
IfExists = Literal["fail", "replace", "append"]

OUTSIDE_OF_QUOTES = re.compile(r'\[(?:[^\]]|\]\])*\]|"(?:[^"]|"")*"')


def read_sql(
    sql: str,
    con: Database,
    *,
    columns: Sequence[str] | None = None,
    dtype_backend: FrameDtypes = "pyarrow",
) -> pd.DataFrame:
    """The rows of a query, or of a table named `schema.table`, as a frame.

    `columns` picks columns of a table. `dtype_backend` is "pyarrow" (exact for every type), "numpy_nullable" or "numpy".
    A column with a seventh fractional digit comes in nanoseconds, or as text where they do not reach its years
    (`etl.seventh_digit`).

    Raises JobError for a table or query that is not there or a type that cannot be read, SchemaError for a value that would
    be cut, ConnectError, DatabaseError.
    """
    rows = _plainly_read(sql, con)
    if rows is None:
        with _reading(sql, con, columns) as batches:
            rows = batches.read_all()
    return frames.to_pandas(rows, dtype_backend)


def iter_sql(
    sql: str,
    con: Database,
    *,
    chunksize: int = 50_000,
    columns: Sequence[str] | None = None,
    dtype_backend: FrameDtypes = "pyarrow",
) -> Iterator[pd.DataFrame]:
    """As `read_sql`, in frames of `chunksize` rows, in the memory of one of them. Raises JobError for `chunksize` < 1."""
    if chunksize < 1:
        raise JobError("chunksize must be 1 or more")
    with _reading(sql, con, columns) as batches:
        for run in in_runs(batches, chunksize):
            yield frames.to_pandas(pa.Table.from_batches(run), dtype_backend)


def to_sql(  # noqa: PLR0913 - pandas' own parameters
    frame: pd.DataFrame,
    name: str,
    con: Database,
    *,
    schema: str | None = None,
    if_exists: IfExists = "fail",
    index: bool = True,
    index_label: str | Sequence[str] | None = None,
    dtype: Mapping[str, str] | None = None,
) -> int:
    """Write the frame's rows into a table, by bulk copy where it can be, and return how many.

    The table is made where it is not there: each column in the SQL type that holds it whole, or in the one that `dtype`
    gives it as text (`{"name": "nvarchar(60)"}`). `if_exists` says what happens where it is: "fail" raises JobError,
    "replace" makes it anew, "append" adds to it. All or nothing: rows and table are committed together, or, with a
    connection, are part of its transaction, which the caller ends.

    Raises SchemaError for a value that does not fit its column, DatabaseError for what the server refuses.
    """
    if index:
        frame = frame.reset_index(names=index_label) if index_label is not None else frame.reset_index()
    table = TableName(name, schema)
    with _opened(con, "writer") as (connection, target):
        written = _write(frame, table, connection, target, if_exists, dtype or {})
        if not isinstance(con, Connection):
            with connect.statement(f"committing {written} rows of {table}"):
                connection.commit()
    return written


def bulk_copy(table: Any, con: Connection, keys: list[str], rows: Iterable[Sequence[Any]]) -> int:
    """A `method` for `DataFrame.to_sql`: bulk copy inside the connection that pandas writes with.

    pandas turns the frame into Python objects before it calls this, which costs as much as the copy itself; `etl.to_sql`
    does without.
    """
    columns = list(zip(*rows, strict=True))
    frame = pd.DataFrame({key: pd.Series(values, dtype=object) for key, values in zip(keys, columns, strict=True)})
    return _append(frame, TableName(table.name, table.schema), con, _endpoint(con.engine, "writer"), is_new=False)


@contextmanager
def _opened(con: Database, role: Role) -> Iterator[tuple[Connection, Endpoint]]:
    if isinstance(con, Connection):
        yield con, _endpoint(con.engine, role)
        return
    endpoint = _endpoint(con, role)
    with endpoint.connect() as connection:
        yield connection, endpoint


def _endpoint(con: str | URL | Engine, role: Role) -> Endpoint:
    if isinstance(con, str):
        return Endpoint.of(con, role)
    return Endpoint(references.checked(con.url if isinstance(con, Engine) else con), role)


# Reading


def _plainly_read(sql: str, con: Database) -> pa.Table | None:
    """The rows of a query as it stands, or None where it must be read in another way."""
    # A caller's connection may be in a transaction whose rows no other connection sees.
    if isinstance(con, Connection) or _is_name(sql):
        return None
    with _opened(con, "reader") as (connection, source):
        if source.dialect != "mssql":
            return None
        selection = plain_query.selection(source, sql, catalog.query_columns(connection, sql))
    return None if selection is None else plain_query.settled(extract.read_table(source, selection), selection.columns)


@contextmanager
def _reading(sql: str, con: Database, columns: Sequence[str] | None) -> Iterator[pa.RecordBatchReader]:
    with _opened(con, "reader") as (connection, source):
        selection = _selection(connection, sql, columns)
        if isinstance(con, Connection):
            batches = read_rows.read_batches(connection, selection)
        else:
            batches = extract.read_batches(source, selection)
        yield pa.RecordBatchReader.from_batches(types.schema(source.dialect, selection.columns), batches)


def _selection(connection: Connection, sql: str, columns: Sequence[str] | None) -> Selection:
    dialect = connection.dialect.name
    if _is_name(sql):
        table = TableName.parse(sql)
        select = partial(select_table, dialect, table)
        declared = _picked(table, catalog.table_columns(connection, table), columns)
    else:
        select = partial(select_query, dialect, sql)
        declared = catalog.query_columns(connection, sql)
        wrapping.require_wrappable(connection, sql, declared)
    return select(seventh_digit.found(connection, select(declared)))


def _picked(table: TableName, declared: list[Column], names: Sequence[str] | None) -> list[Column]:
    if names is None:
        return declared
    by_name = {column.name.casefold(): column for column in declared}
    unknown = [name for name in names if name.casefold() not in by_name]
    if unknown:
        raise JobError(f"{table} has no column {', '.join(unknown)}", advice=f"It has {', '.join(by_name)}.")
    return [by_name[name.casefold()] for name in names]


def _is_name(sql: str) -> bool:
    """Whether the text names a table: no query is without a blank outside of quotes."""
    return not re.search(r"\s", OUTSIDE_OF_QUOTES.sub("", sql.strip()))


# Writing


def _write(
    frame: pd.DataFrame,
    table: TableName,
    connection: Connection,
    target: Endpoint,
    if_exists: IfExists,
    dtype: Mapping[str, str],
) -> int:
    exists = catalog.table_exists(connection, table)
    if exists and if_exists == "fail":
        raise JobError(
            f"the table {table} is there already",
            state="Nothing was written.",
            advice='Give if_exists="append" or if_exists="replace".',
        )
    if exists and if_exists == "append":
        return _append(frame, table, connection, target, is_new=False)
    load.drop_if_exists(connection, table)
    catalog.require_schema(connection, table)
    load.create_table(connection, table, _new_columns(table, frame, target.dialect, dtype))
    return _append(frame, table, connection, target, is_new=True)


def _new_columns(table: TableName, frame: pd.DataFrame, dialect: str, dtype: Mapping[str, str]) -> list[Column]:
    unknown = sorted(set(dtype) - {str(name) for name in frame.columns})
    if unknown:
        raise JobError(f"dtype names {', '.join(unknown)}, which the frame does not have")
    if not len(frame.columns):
        raise SchemaError(f"a frame with no columns makes no table {table}", state="Nothing was written.")
    others = frame.loc[:, [str(name) not in dtype for name in frame.columns]]
    try:
        inferred = frames.infer_schema(others, _declared_decimals(others)) if len(others.columns) else []
    except SchemaError as error:
        if error.advice != frames.DECLARE:
            raise
        advice = 'Give the columns\' SQL types in dtype, e.g. dtype={"name": "nvarchar(60)"}.'
        raise SchemaError(error.message, state="Nothing was written.", advice=advice) from error
    by_name = {field.name: types.declare(dialect, field.name, field.type) for field in inferred} | dict(dtype)
    return [Column(str(name), by_name[str(name)], nullable=True) for name in frame.columns]


def _declared_decimals(frame: pd.DataFrame) -> pa.Schema:
    """The types of columns that say how many digits they have, unlike Decimal objects."""
    found = [
        (str(name), dtype.pyarrow_dtype) for name, dtype in frame.dtypes.items() if isinstance(dtype, pd.ArrowDtype)
    ]
    return pa.schema([(name, arrow) for name, arrow in found if pa.types.is_decimal128(arrow)])


def _append(frame: pd.DataFrame, table: TableName, connection: Connection, target: Endpoint, *, is_new: bool) -> int:
    existing = catalog.table_columns(connection, table)
    fitting = load.fit_existing(table, target.dialect, [str(name) for name in frame.columns], existing)
    columns = catalog.with_code_pages(connection, fitting)
    fields = [
        pa.field(column.name, _landing_type(target.dialect, column, dtype), nullable=column.nullable)
        for column, dtype in zip(columns, frame.dtypes, strict=True)
    ]
    rows = frames.to_arrow(frame.set_axis([column.name for column in columns], axis="columns"), pa.schema(fields))
    way = route.choose(target, connection, table, existing, columns, is_new=is_new)
    return append(connection, table, rows, columns, way)


def _landing_type(dialect: str, column: Column, dtype: Any) -> pa.DataType:
    if dialect != "mssql" or not isinstance(dtype, pd.ArrowDtype | pd.DatetimeTZDtype | np.dtype):
        return types.arrow_type(dialect, column.sql_type)
    return types.landing_type(dialect, _arrow_of(dtype), column)


def _arrow_of(dtype: pd.ArrowDtype | pd.DatetimeTZDtype | np.dtype[Any]) -> pa.DataType:
    if isinstance(dtype, pd.ArrowDtype):
        return dtype.pyarrow_dtype
    if isinstance(dtype, pd.DatetimeTZDtype):
        return pa.timestamp(dtype.unit, tz=str(dtype.tz))
    try:
        return pa.from_numpy_dtype(dtype)
    except pa.ArrowNotImplementedError:  # objects, complex numbers
        return pa.null()
