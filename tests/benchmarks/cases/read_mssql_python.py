"""Microsoft's own driver, `cursor.arrow()`, into a frame."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.case import Case, Place
from tests.benchmarks.data import FULL_TABLE


def prepare(place: Place) -> Callable[[], int]:
    import mssql_python
    import pandas as pd

    cursor = mssql_python.connect(place.microsoft()).cursor()

    def read() -> int:
        cursor.execute(f"SELECT * FROM {FULL_TABLE}")
        return len(cursor.arrow().to_pandas(types_mapper=pd.ArrowDtype))

    return read


CASE = Case("read", "mssql-python cursor.arrow", prepare)
