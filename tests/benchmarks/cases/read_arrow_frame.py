"""arrow-odbc alone, into a pyarrow-backed frame: what `etl.read_sql` adds nothing to."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.case import Case, Place
from tests.benchmarks.data import FULL_TABLE


def prepare(place: Place) -> Callable[[], int]:
    import arrow_odbc
    import pandas as pd
    import pyarrow as pa

    def read() -> int:
        reader = arrow_odbc.read_arrow_batches_from_odbc(
            f"SELECT * FROM {FULL_TABLE}", connection_string=place.odbc(), batch_size=20_000
        )
        table = pa.Table.from_batches(reader, reader.schema)
        return len(table.to_pandas(types_mapper=pd.ArrowDtype))

    return read


CASE = Case("read", "arrow-odbc into a frame", prepare)
