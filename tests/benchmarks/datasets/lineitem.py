"""TPC-H's `lineitem`, sixteen columns, made by tpchgen-cli (TPC-H standard specification, 1.4.1 and 4.2.3).

Text of a fixed size is varchar here: the generator leaves the blanks out that char would add.
"""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from etl.types import Column
from tests.benchmarks.datasets import Dataset, MissingToolError

if TYPE_CHECKING:
    import pandas as pd

PROGRAM = "tpchgen-cli"
_ROWS_OF_SCALE_1 = 5_900_000
"""A little fewer than there are: an order has one to seven lines, four on average (TPC-H 4.2.5.1)."""


def _required(name: str, sql_type: str) -> Column:
    return Column(name, sql_type, nullable=False)


COLUMNS = (
    _required("l_orderkey", "bigint"),
    _required("l_partkey", "bigint"),
    _required("l_suppkey", "bigint"),
    _required("l_linenumber", "int"),
    _required("l_quantity", "decimal(15,2)"),
    _required("l_extendedprice", "decimal(15,2)"),
    _required("l_discount", "decimal(15,2)"),
    _required("l_tax", "decimal(15,2)"),
    _required("l_returnflag", "char(1)"),
    _required("l_linestatus", "char(1)"),
    _required("l_shipdate", "date"),
    _required("l_commitdate", "date"),
    _required("l_receiptdate", "date"),
    _required("l_shipinstruct", "varchar(25)"),
    _required("l_shipmode", "varchar(10)"),
    _required("l_comment", "varchar(44)"),
)


def make(count: int) -> pa.Table:
    """The first so many rows, at the scale that has them."""
    import pyarrow.parquet as pq

    program = shutil.which(PROGRAM, path=sysconfig.get_path("scripts")) or shutil.which(PROGRAM)
    if program is None:
        raise MissingToolError(f"{PROGRAM} is not installed (PyPI: {PROGRAM})")
    scale = f"{max(count / _ROWS_OF_SCALE_1, 0.001):.6f}"
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([program, "parquet", "-s", scale, "-T", "lineitem", "-o", folder, "-q"], check=True)
        # Without its footer's metadata and with plain strings for the text.
        table = pq.read_table(Path(folder) / "lineitem.parquet").cast(DATASET.schema)
    return table.slice(0, count).combine_chunks()


def transform(lines: pd.DataFrame) -> pd.DataFrame:
    """One column of numbers and one of text made anew."""
    return lines.assign(l_partkey=lines["l_partkey"] * 10, l_comment=lines["l_comment"].str.upper())


DATASET = Dataset(
    name="lineitem",
    columns=COLUMNS,
    key=("l_orderkey", "l_linenumber"),
    make=make,
    transform=f"{__name__}:{transform.__name__}",
    transformed={"l_partkey": lambda key: key * 10, "l_comment": str.upper},
)
