"""arrow-odbc alone, into a pyarrow-backed frame: what `etl.read_sql` adds nothing to."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.case import Case, Done, Place


def prepare(place: Place) -> Callable[[], Done]:
    import arrow_odbc
    import pandas as pd
    import pyarrow as pa

    options = {"batch_size": 20_000, **place.dataset.options}

    def read() -> Done:
        reader = arrow_odbc.read_arrow_batches_from_odbc(
            f"SELECT * FROM {place.full_table}", connection_string=place.odbc(), **options
        )
        table = pa.Table.from_batches(reader, reader.schema)
        frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
        return frame

    return read


CASE = Case("read", "arrow-odbc into a frame", prepare)
