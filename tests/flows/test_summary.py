"""What a summary, a comparison and a name say, without a server."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from etl import check, pipeline, prepare
from etl.check import Compared
from etl.errors import ConnectError
from etl.job import Job
from etl.prepare import Prepared
from etl.result import RunResult
from flows.display import artifacts, reconciliation, run_names, summary
from tests.databases import SqliteDatabase
from tests.pipeline.jobs import job, make_orders

SECRET = "hunter2"


@pytest.fixture
def ran(sqlite_file: SqliteDatabase) -> tuple[Prepared, RunResult, Compared]:
    """A run over 25 rows, whose transform keeps the 12 that are not paid."""
    make_orders(sqlite_file, 25)
    prepared = prepare.prepare(job(sqlite_file, transform="tests.pipeline.transforms:unpaid_only"))
    result = pipeline.execute(prepared)
    return prepared, result, check.compare(prepared, result)


def verdicts(rows: list[dict[str, Any]]) -> list[tuple[int | None, int | None, str]]:
    return [(row["expected"], row["found"], row["verdict"]) for row in rows]


def test_what_a_transform_leaves_out_is_told(ran: tuple[Prepared, RunResult, Compared]) -> None:
    assert verdicts(reconciliation.rows(*ran)) == [
        (3, 3, "equal"),
        (25, 25, "equal"),
        (25, 12, "the transform left out 13"),
        (12, 12, "equal"),
        (5, 5, "equal"),
    ]


def test_what_is_not_counted_is_told(sqlite_file: SqliteDatabase) -> None:
    make_orders(sqlite_file, 25)
    make_orders(sqlite_file, 5, table="copies")
    sqlite_file.query("UPDATE copies SET id = id + 100")
    prepared = prepare.prepare(job(sqlite_file))
    result = pipeline.execute(prepared)
    sqlite_file.query("DELETE FROM orders WHERE id = 1")
    assert verdicts(reconciliation.rows(prepared, result, check.compare(prepared, result))) == [
        (3, 3, "equal"),
        (25, 24, "the source changed"),
        (25, 25, "equal"),
        (25, None, "not counted: it had rows before"),
        (None, None, "not compared"),
    ]


def test_rows_of_others_in_the_target_are_told(ran: tuple[Prepared, RunResult, Compared]) -> None:
    prepared, result, compared = ran
    assert compared.target is not None
    others = dataclasses.replace(compared.target, rows_in_target=15, values_compared=0)
    found = reconciliation.rows(prepared, result, dataclasses.replace(compared, target=others))
    assert verdicts(found)[3:] == [(12, 15, "3 rows are of others"), (None, None, "not compared")]


def test_the_summary_of_a_run_that_is_done(ran: tuple[Prepared, RunResult, Compared]) -> None:
    prepared, result, _ = ran
    told = summary.done(prepared, dataclasses.replace(result, notes=["3 rows <b>changed</b>"]), "No picture.")
    lines = told.splitlines()
    assert lines[0] == "# append orders → copies"
    assert "| chunks | 3 of 3 are committed, 3 by this try |" in lines
    assert "| rows | 25 read, 12 written, 0 set aside |" in lines
    assert "No picture." in lines
    assert "- 3 rows \\<b\\>changed\\</b\\>" in lines
    option = f"--target {prepared.job.target}"
    assert lines[-4:] == [
        "```console",
        f"etl show {result.run_id} {option}",
        f"etl verify {result.run_id} {option}",
        "```",
    ]


def test_a_password_is_nowhere_in_a_summary() -> None:
    url = f"mssql+pyodbc://loader:{SECRET}@127.0.0.1:1/warehouse"
    of = Job(source=url, target=url, source_table="dbo.orders", target_table="dbo.a|b`c")
    told = summary.failed(of, ConnectError("no *way*\nto it", state="Nothing.", advice="Try `etl doctor`."), None, [])
    assert SECRET not in told
    assert "> no \\*way\\*\n>\n> to it" in told
    assert "Try `etl doctor`." in told
    assert "| to | ``\u0020dbo.a\\|b`c `` in `127.0.0.1:1/warehouse` |" in told


@pytest.mark.parametrize("target", ["block:warehouse", f"mssql+pyodbc://loader:{SECRET}@127.0.0.1:1/warehouse"])
def test_commands_ask_for_a_url_that_only_a_flow_knows(ran: tuple[Prepared, RunResult, Compared], target: str) -> None:
    prepared, result, _ = ran
    of = dataclasses.replace(prepared, job=prepared.job.model_copy(update={"target": target}))
    told = summary.done(of, result, "")
    assert SECRET not in told
    commands = f"```console\netl show {result.run_id}\netl verify {result.run_id}\n```\n"
    assert told.endswith(f"With the target's URL in `ETL_TARGET_URL`:\n\n{commands}")


def test_where_a_database_is_not_known_its_place_is_shown() -> None:
    of = Job(source="env:NOT_SET", target="env:NOT_SET", source_table="a", target_table="b")
    told = summary.failed(of, ConnectError("no"), None, [])
    assert "| from | `a` in `env:NOT_SET` |" in told


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("dbo.Orders", "copy-dbo-orders-chunks"),
        ("stage.order_lines", "copy-stage-order-lines-chunks"),
        ("[dbo].[order lines]", "copy-dbo-order-lines-3e7e4e-chunks"),
        ("[dbo].[order-lines]", "copy-dbo-order-lines-9704e3-chunks"),
        ("dbo.заказы", "copy-dbo-91c4e3-chunks"),
    ],
)
def test_a_key_is_of_its_table_alone(table: str, key: str) -> None:
    assert artifacts.key(Job(source_table="a", target_table=table), "chunks") == key


def test_the_copying_task_is_called_by_what_is_left(ran: tuple[Prepared, RunResult, Compared]) -> None:
    prepared, result, _ = ran
    assert run_names.COPY({"prepared": prepared}) == f"copy 3 chunks of run {prepared.run_id}"
    left = dataclasses.replace(prepared, sealed=result.chunks[:2])
    assert run_names.COPY({"prepared": left}) == f"copy 1 of 3 chunks of run {prepared.run_id}"
