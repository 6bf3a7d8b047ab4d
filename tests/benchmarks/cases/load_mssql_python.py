"""Microsoft's own driver, `cursor.bulkcopy_arrow`, from an Arrow table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pyarrow as pa

from tests.benchmarks.case import Case, Place, installed
from tests.benchmarks.tables import emptied


def prepare(place: Place) -> Callable[[], int]:
    mssql_python = installed("mssql_python")
    emptied(place).close()
    cursor = mssql_python.connect(place.microsoft()).cursor()
    table = _taken(place)

    def load() -> int:
        copied = cursor.bulkcopy_arrow(f"dbo.{place.empty_table}", table, keep_nulls=True, timeout=0)
        return int(copied["rows_copied"])

    return load


def _taken(place: Place) -> pa.Table:
    """The rows with datetimeoffset as instants, which lose their offsets: it takes no text for them."""
    table = place.table()
    for name in place.dataset.with_types("datetimeoffset"):
        instants = pa.array([_instant(text) for text in table.column(name).to_pylist()], pa.timestamp("us", "UTC"))
        table = table.set_column(table.column_names.index(name), name, instants)
    return table


def _instant(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(f"{text[:26]}{text[-6:]}")


CASE = Case("load", "mssql-python bulkcopy_arrow", prepare)
