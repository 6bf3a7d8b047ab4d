"""The statements of planning, range reads and staging, over pyodbc and FreeTDS."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

KEYS = [
    ("bigint", ["-5", "0", "7", "9000000000"], "CAST(? AS bigint)"),
    (
        "varchar(40)",
        ["a", "B", "c", "d e"],
        "CAST(CAST(? AS nvarchar(40)) COLLATE Latin1_General_CI_AS AS varchar(40))",
    ),
    ("date", ["0001-01-01", "2020-01-01", "2020-01-02", "9999-12-31"], "CAST(? AS date)"),
    (
        "datetime",
        ["1753-01-01T00:00:00", "2020-01-01T00:00:00.003", "2020-01-01T00:00:00.007", "2020-01-02T00:00:00"],
        "CAST(? AS datetime)",
    ),
    (
        "datetime2(3)",
        ["0001-01-01T00:00:00.000", "2020-01-01T00:00:00.001", "2020-01-01T00:00:00.002", "9999-12-31T23:59:59.999"],
        "CAST(? AS datetime2(3))",
    ),
    ("decimal(20,3)", ["-1.500", "0.000", "0.001", "99999999999999999.999"], "CAST(? AS decimal(20,3))"),
    (
        "uniqueidentifier",
        [
            "FFFFFFFF-0000-0000-0000-000000000000",
            "00000000-0000-0000-0100-000000000000",
            "00000000-0000-0000-0000-000000000001",
            "00000000-0000-0000-0000-010000000000",
        ],
        "CAST(? AS uniqueidentifier)",
    ),
]


@pytest.mark.parametrize(("kind", "values", "cast"), KEYS, ids=[case[0] for case in KEYS])
def test_ranges_meet_without_gap_or_overlap(server: sa.Engine, kind: str, values: list[str], cast: str) -> None:
    style = ", 126" if kind.startswith("date") else ""
    with server.begin() as connection:
        connection.exec_driver_sql(f"CREATE TABLE dbo.t ([id] {kind} NOT NULL PRIMARY KEY)")
        for value in reversed(values):
            connection.exec_driver_sql(f"INSERT INTO dbo.t VALUES ('{value}')")
        bounds = connection.exec_driver_sql(
            f"SELECT x.k, x.n FROM (SELECT CONVERT(varchar(40), id{style}) AS k, ROW_NUMBER() OVER (ORDER BY id) AS n"
            " FROM [dbo].[t] WHERE id IS NOT NULL) x WHERE x.n % 2 = 1 ORDER BY x.n"
        ).all()
        assert [row.n for row in bounds] == [1, 3]
        first = connection.exec_driver_sql(
            f"SELECT COUNT(*) FROM [dbo].[t] WHERE [id] >= {cast} AND [id] < {cast}", (bounds[0].k, bounds[1].k)
        ).scalar_one()
        last = (
            connection.exec_driver_sql(
                f"SELECT CONVERT(varchar(40), [id]{style}) FROM [dbo].[t] WHERE [id] >= {cast} ORDER BY [id]",
                (bounds[1].k,),
            )
            .scalars()
            .all()
        )
        assert first == 2
        assert [value.lower() for value in last] == [value.lower() for value in values[2:]]


def test_a_staging_table_takes_the_targets_place(server: sa.Engine) -> None:
    with server.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE dbo.target (a int); CREATE TABLE dbo.staging (a int); INSERT INTO dbo.staging VALUES (1)"
        )
    with server.begin() as connection:
        connection.exec_driver_sql("DROP TABLE dbo.target")
        connection.exec_driver_sql(
            "EXEC sp_rename @objname = ?, @newname = ?, @objtype = 'OBJECT'", ("[dbo].[staging]", "target")
        )
    with server.connect() as connection:
        assert connection.exec_driver_sql("SELECT a FROM dbo.target").scalars().all() == [1]


def test_what_a_claim_and_a_seal_count(server: sa.Engine) -> None:
    with server.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE etl_chunk (run_id nvarchar(36) NOT NULL, chunk_no int NOT NULL, state varchar(10), PRIMARY"
            " KEY (run_id, chunk_no))"
        )
    with server.begin() as connection:
        assert connection.exec_driver_sql("INSERT INTO etl_chunk VALUES (?, ?, ?)", ("r", 1, "claimed")).rowcount == 1
        assert connection.exec_driver_sql("SELECT @@TRANCOUNT").scalar_one() == 1
        assert (
            connection.exec_driver_sql(
                "UPDATE etl_chunk SET state = 'done' WHERE run_id = ? AND chunk_no = ?", ("r", 1)
            ).rowcount
            == 1
        )
        assert (
            connection.exec_driver_sql(
                "UPDATE etl_chunk SET state = 'done' WHERE run_id = ? AND chunk_no = ?", ("r", 2)
            ).rowcount
            == 0
        )


@pytest.mark.parametrize(
    ("inner", "number"),
    [
        ("WITH o AS (SELECT 1 AS a) SELECT a FROM o", 156),
        ("SELECT 1 AS a ORDER BY a", 1033),
        ("SELECT TOP 1 1 AS a ORDER BY a", None),
        ("SELECT 1 AS a ORDER BY a OFFSET 0 ROWS", None),
    ],
)
def test_what_a_derived_table_may_hold(server: sa.Engine, inner: str, number: int | None) -> None:
    with server.connect() as connection:
        if number is None:
            assert connection.exec_driver_sql(f"SELECT a FROM ({inner}) AS x").scalar_one() == 1
            return
        with pytest.raises(sa.exc.DBAPIError, match=rf"\({number}\)"):
            connection.exec_driver_sql(f"SELECT a FROM ({inner}) AS x")
