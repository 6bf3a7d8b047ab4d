"""Plans as the ledger keeps them, and the conditions that their ranges become."""

from __future__ import annotations

import pyarrow as pa
import pytest

from etl import plan
from etl.plan import Chunk, Plan
from etl.selection import Condition
from etl.types import Column


def test_a_plan_is_read_back_as_it_was() -> None:
    size = Column("größe", "nvarchar(40)", True, collation="Latin1_General_CI_AS")
    columns = [Column("id", "int", False, identity=True), size]
    schema = pa.schema([pa.field("id", pa.int32(), nullable=False), pa.field("größe", pa.string())])
    chunks = [
        Chunk(0, "range", "1", "10", rows_planned=9),
        Chunk(1, "range", "10", "12", upper_closed=True, rows_planned=3),
        Chunk(2, "nulls", rows_planned=4),
        Chunk(3, "spool", rows_planned=5, file="chunk-000003.arrow", sha256="ab"),
    ]
    stored = Plan(columns, columns[1:], schema, chunks, key="id", spool="/x", notes=["why"])
    assert Plan.from_json(stored.to_json()) == stored
    assert stored.rows_planned == 21


@pytest.mark.parametrize(
    ("sql_type", "collation", "bound"),
    [
        ("int", None, "CAST(? AS int)"),
        ("decimal(38,10)", None, "CAST(? AS decimal(38,10))"),
        ("date", None, "CONVERT(date, ?, 23)"),
        ("datetime2(3)", None, "CONVERT(datetime2(3), ?, 121)"),
        ("uniqueidentifier", None, "CAST(? AS uniqueidentifier)"),
        ("nvarchar(40)", "Latin1_General_CI_AS", "CAST(? AS nvarchar(40))"),
        ("varchar(9)", "Greek_CI_AS", "CAST(CAST(? AS nvarchar(4000)) COLLATE Greek_CI_AS AS varchar(9))"),
        ("varchar(9)", "x; DROP TABLE y", "CAST(? AS varchar(9))"),
    ],
)
def test_bounds_are_compared_in_the_keys_exact_type(sql_type: str, collation: str | None, bound: str) -> None:
    key = Column("k]", sql_type, True, collation=collation)
    open_range = plan.range_condition("mssql", key, Chunk(0, "range", "a", "b"))
    closed_range = plan.range_condition("mssql", key, Chunk(0, "range", "a", "b", upper_closed=True))
    assert open_range == Condition(f"[k]]] >= {bound} AND [k]]] < {bound}", ("a", "b"))
    assert closed_range == Condition(f"[k]]] >= {bound} AND [k]]] <= {bound}", ("a", "b"))
    assert plan.range_condition("mssql", key, Chunk(0, "nulls")) == Condition("[k]]] IS NULL")
