"""Every type, whole pipeline: filled by the server, copied each way with and without pandas between, compared by the server."""

from __future__ import annotations

from typing import Any

import pytest

import etl
from etl.bulk import probe
from etl.errors import EtlError, SchemaError
from tests.databases import Database
from tests.pipeline.jobs import Recorder, job
from tests.pipeline.type_matrix import LONG, SHORT, STAGED, differences, fill

SAME = "tests.pipeline.test_values:same"
WAYS = ["bulk copy", "staging table", "insert"]
THROUGH: dict[str, dict[str, Any]] = {
    "as it is": {},
    "numpy_nullable": {"transform": SAME, "frame_dtypes": "numpy_nullable"},
    "pyarrow": {"transform": SAME, "frame_dtypes": "pyarrow"},
    "numpy": {"transform": SAME, "frame_dtypes": "numpy"},
}


def kinds_for(way: str, kinds: dict[str, list[str]], through: str = "as it is") -> dict[str, list[str]]:
    """What the way carries; under "numpy" a bigint with NULLs is a float, and refused by name."""
    left_out = (STAGED if way == "bulk copy" else frozenset()) | ({"bigint"} if through == "numpy" else frozenset())
    return {kind: literals for kind, literals in kinds.items() if kind not in left_out}


def copied(database: Database, way: str, kinds: dict[str, list[str]], monkeypatch: Any, **fields: Any) -> None:
    """Fill `orders` and run the job into `copies` that way; the run's plan says that it was taken."""
    fill(database, kinds)
    if way == "staging table":
        # A column of the target's own gets its default.
        columns = ", ".join(f"c{number} {kind} NULL" for number, kind in enumerate(kinds))
        database.query(f"CREATE TABLE dbo.copies (id int NOT NULL, {columns}, origin int NOT NULL DEFAULT 7)")
    if way == "insert":
        monkeypatch.setattr(probe, "holds", lambda _target: False)
    recorder = Recorder()
    result = etl.run(job(database, chunk_rows=4, **fields), listener=recorder)
    assert recorder.prepared is not None
    assert recorder.prepared.plan.route.way == way
    assert result.rows_written == max(map(len, kinds.values())) + 1


@pytest.mark.parametrize("through", THROUGH)
@pytest.mark.parametrize("way", WAYS)
def test_every_type_arrives_cell_by_cell(
    server_database: Database, way: str, through: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = kinds_for(way, SHORT, through)
    copied(server_database, way, kinds, monkeypatch, **THROUGH[through])
    assert differences(server_database, kinds) == []


@pytest.mark.parametrize("through", ["as it is", "numpy_nullable"])
def test_every_type_arrives_from_a_query_as_a_stream(
    server_database: Database, through: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = kinds_for("bulk copy", SHORT)
    copied(server_database, "bulk copy", kinds, monkeypatch, query="SELECT * FROM dbo.orders", **THROUGH[through])
    assert differences(server_database, kinds) == []


@pytest.mark.parametrize(
    ("way", "through"), [("bulk copy", "as it is"), ("staging table", "numpy_nullable"), ("insert", "as it is")]
)
def test_long_values_arrive_cell_by_cell(
    server_database: Database, way: str, through: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = kinds_for(way, LONG)
    copied(server_database, way, kinds, monkeypatch, **THROUGH[through])
    assert differences(server_database, kinds) == []


def test_a_bigint_that_numpy_would_change_is_refused_by_name(server_database: Database) -> None:
    fill(server_database, {"bigint": SHORT["bigint"]})
    with pytest.raises(SchemaError, match=r"column 'c0' holds NULL and -?\d{16,}: .* changes integers above 2\*\*53"):
        etl.run(job(server_database, chunk_rows=100, **THROUGH["numpy"]))
    assert server_database.tables() == {"orders"}


UNFIT = {
    "text beyond the code page": (
        "nvarchar(9)",
        "N'日本'",
        "varchar(9) NULL",
        "'日本' has '日', which the code page lacks",
    ),
    "text beyond the text": ("ntext", "N'日本'", "text NULL", "which the code page lacks"),
    "text too long": ("nvarchar(9)", "N'four'", "nvarchar(3) NULL", "of length 4|would be truncated"),
    "bytes too long": ("varbinary(9)", "0x01020304", "varbinary(3) NULL", "of length 4|would be truncated"),
    "integer too large": ("bigint", "2147483648", "int NULL", "2147483648"),
    "decimal too large": ("decimal(9,2)", "1000", "decimal(5,2) NULL", r"Decimal\('1000.00'\)"),
    "digits too many": ("decimal(9,3)", "0.001", "decimal(9,2) NULL", r"Decimal\('0.001'\)"),
    "digits beyond the second": ("datetime2(3)", "'2024-01-01T00:00:00.001'", "datetime2(0) NULL", "does not fit"),
    "a date before datetime": (
        "datetime2(3)",
        "'1752-12-31T00:00:00'",
        "datetime NULL",
        "outside of datetime|out-of-range",
    ),
    "a time of day in a date": ("datetime2(3)", "'2024-01-01T01:00:00'", "date NULL", "has a time of day"),
    "NULL": ("int", "NULL", "int NOT NULL", "NULL"),
    "no uniqueidentifier": ("nvarchar(40)", "N'6f9619ff'", "uniqueidentifier NULL", "no uniqueidentifier|converting"),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_a_target_cannot_hold_is_refused_and_nothing_is_committed(
    server_database: Database, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "insert":
        monkeypatch.setattr(probe, "holds", lambda _target: False)
    extra = ", origin int NOT NULL DEFAULT 7" if way == "staging table" else ""
    for case, (kind, literal, target, said) in UNFIT.items():
        server_database.query("DROP TABLE IF EXISTS dbo.orders, dbo.copies")
        fill(server_database, {kind: [literal]})
        server_database.query(
            f"DELETE FROM dbo.orders WHERE id = 1000; CREATE TABLE dbo.copies (id int NOT NULL, c0 {target}{extra})"
        )
        with pytest.raises(EtlError, match=rf"(?s)c0.*({said})|({said}).*c0") as error:
            etl.run(job(server_database, source_table="dbo.orders"), new_run=True)
        assert error.value.exit_code in {4, 6}, case
        assert server_database.query("SELECT COUNT(*) FROM dbo.copies") == [(0,)], case
        assert server_database.ledger() == [], case
