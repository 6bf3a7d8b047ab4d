"""Microsoft's own driver, `cursor.arrow()`, into a frame."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.case import Case, Done, Place, installed


def prepare(place: Place) -> Callable[[], Done]:
    import pandas as pd

    mssql_python = installed("mssql_python")
    cursor = mssql_python.connect(place.microsoft()).cursor()

    def read() -> Done:
        cursor.execute(f"SELECT * FROM {place.full_table}")
        frame: pd.DataFrame = cursor.arrow().to_pandas(types_mapper=pd.ArrowDtype)
        return frame

    return read


CASE = Case("read", "mssql-python cursor.arrow", prepare)
