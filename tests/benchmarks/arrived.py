"""Whether the rows that a case wrote arrived as they are, to the last column and digit."""

from __future__ import annotations

from typing import Any

import pyodbc

from etl.sandbox.sqltypes import Value
from tests.benchmarks.case import Group, Place
from tests.benchmarks.data import COLUMNS, EMPTY_TABLE, rows

_NAMES = [declaration.split()[0] for declaration in COLUMNS]
_WEIGHT, _CUSTOMER, _TOKEN = _NAMES.index("weight"), _NAMES.index("customer"), _NAMES.index("token")


def changed_columns(place: Place, group: Group) -> list[str]:
    """The columns of the table written to that do not hold what they should; `(rows)` where there are too few or many."""
    connection = pyodbc.connect(place.odbc())
    found = connection.execute(f"SELECT * FROM {EMPTY_TABLE} ORDER BY id").fetchall()
    if len(found) != place.count:
        return ["(rows)"]
    changed: set[int] = set()
    for arrived, sent in zip(found, rows(place.count), strict=True):
        expected = _expected(sent, group)
        changed |= {at for at, (left, right) in enumerate(zip(arrived, expected, strict=True)) if left != right}
    return [_NAMES[at] for at in sorted(changed)]


def _expected(row: tuple[Value, ...], group: Group) -> list[Any]:
    """A row of `data` as pyodbc shows it, after what the copies do to it (`transform.raise_prices`)."""
    cells: list[Any] = list(row)
    cells[_TOKEN] = str(cells[_TOKEN]).upper()
    if group == "copy":
        cells[_WEIGHT] *= 1.1
        cells[_CUSTOMER] = cells[_CUSTOMER].upper()
    return cells
