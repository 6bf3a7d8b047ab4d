"""arrow-odbc's `insert_into_table` over FreeTDS: arrays of parameters."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.case import Case, Place
from tests.benchmarks.tables import emptied

_CHUNK_ROWS = 1_000


def prepare(place: Place) -> Callable[[], int]:
    import arrow_odbc

    connection = emptied(place)
    table = place.table()

    def load() -> int:
        arrow_odbc.insert_into_table(
            reader=table.to_reader(),
            chunk_size=_CHUNK_ROWS,
            table=place.empty_table,
            connection_string=place.odbc(),
        )
        return int(connection.execute(f"SELECT COUNT(*) FROM {place.empty_table}").fetchval())

    return load


CASE = Case("load", "arrow-odbc insert_into_table", prepare, share=0.02)
