"""The rows of `data` as frames, as the writers get them."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from tests.benchmarks.data import COLUMNS, rows

TYPES = (
    pa.int64(),
    pa.int32(),
    pa.int16(),
    pa.bool_(),
    pa.float64(),
    pa.decimal128(12, 2),
    pa.decimal128(19, 4),
    pa.date32(),
    pa.timestamp("us"),
    pa.string(),
    pa.string(),
    pa.string(),
)


def arrow_frame(count: int) -> pd.DataFrame:
    """`count` rows with pyarrow-backed columns."""
    frame: pd.DataFrame = _table(count).to_pandas(types_mapper=pd.ArrowDtype)
    return frame


def plain_frame(count: int) -> pd.DataFrame:
    """`count` rows in the dtypes that pandas chooses, but for the integers with NULLs, which stay integers."""
    frame: pd.DataFrame = _table(count).to_pandas(types_mapper={pa.int16(): pd.Int16Dtype()}.get)
    return frame


def _table(count: int) -> pa.Table:
    columns = list(zip(*rows(count), strict=True))
    columns[-1] = tuple(str(token).upper() for token in columns[-1])
    arrays = [pa.array(values, kind) for values, kind in zip(columns, TYPES, strict=True)]
    return pa.table(arrays, names=[declaration.split()[0] for declaration in COLUMNS])
