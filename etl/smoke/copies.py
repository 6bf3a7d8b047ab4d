"""Copies of the sample table: in mode replace, by way of a frame, and by way of SQLite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

import etl
from etl import pipeline, types
from etl.doctor.findings import Finding, ok
from etl.job import Job, make
from etl.result import RunResult
from etl.smoke import comparison, tables
from etl.smoke.case import SOURCE, Smoke
from etl.smoke.samples import KEY, Sample
from etl.statements import quote

CHUNK_ROWS = 2


def replaced(case: Smoke) -> Finding:
    """Mode replace, by the pool, over a table that has other columns and a row."""
    table = case.table("replaced")
    with case.connected() as connection:
        tables.make(connection, table, [])
        connection.exec_driver_sql(f"INSERT INTO {table.quoted('mssql')} VALUES (-1)")
        connection.commit()
    result = moved(case, pooled(case, table.name, mode="replace", workers=1))
    require_same(case, table.name)
    return ok(f"{result.rows_written} rows took the place of another table; every value is the same")


def by_frame(case: Smoke) -> Finding:
    """Into a DataFrame, and from it into a table of the same types."""
    table = _made_like(case, "from_frame", case.samples)
    frame = etl.read_sql(str(case.source), case.endpoint.url)
    etl.to_sql(frame, table, case.endpoint.url, schema=case.schema, if_exists="append", index=False)
    require_same(case, table)
    return ok(f"{len(frame)} rows went into a DataFrame and came back the same")


def by_sqlite(case: Smoke) -> Finding:
    """By a query and its spool into an SQLite file, and from it into a table of the same types."""
    kept = [sample for sample in case.samples if _is_kept_by_sqlite(sample)]
    file, table = f"sqlite:///{case.folder / 'smoke.db'}", _made_like(case, "from_sqlite", kept)
    names = ", ".join(quote("mssql", name) for name in [KEY, *(sample.name for sample in kept)])
    query = f"SELECT {names} FROM {case.source.quoted('mssql')}"
    pipeline.run(job(case, target=file, target_table=SOURCE, query=query))
    result = moved(case, job(case, source=file, source_table=SOURCE, target_table=str(case.table(table))))
    require_same(case, table, kept)
    return ok(f"{result.rows_written} rows of {len(kept)} types went into an SQLite file and came back the same")


def pooled(case: Smoke, table: str, **fields: Any) -> Job:
    """A job from the sample table into another one of the scratch schema, by worker processes."""
    given = {"source_table": str(case.source), "target_table": str(case.table(table))}
    return job(case, **given, executor="process", **fields)


def job(case: Smoke, **fields: Any) -> Job:
    """A job inside the database, in this process, unless the fields say otherwise."""
    given = {"source": case.reference, "target": case.reference, "chunk_rows": CHUNK_ROWS, "executor": "serial"}
    return make(**{**given, "spool_dir": case.folder / "spool", **fields})


def moved(case: Smoke, of: Job) -> RunResult:
    """Run a job whose run the ledger is to have at the end."""
    result = pipeline.run(of)
    case.runs[result.run_id] = of
    return result


def require_same(case: Smoke, table: str, columns: Sequence[Sample] = ()) -> None:
    """Raise CheckFailed for a table that does not hold exactly what the sample table has in all, or these, columns."""
    copy = case.table(table)
    with case.connected() as connection:
        found = comparison.differences(connection, case.source, copy, columns or case.samples)
    case.require(agreed=not found, message=f"{copy} is not {case.source}: {'; '.join(found)}")


def _made_like(case: Smoke, table: str, columns: Sequence[Sample]) -> str:
    with case.connected() as connection:
        tables.make(connection, case.table(table), [column.of_copy for column in columns])
        connection.commit()
    return table


def _is_kept_by_sqlite(sample: Sample) -> bool:
    """Whether it comes back as what it was: SQLite keeps long decimals and 100 ns as text, which is no number any more."""
    arrow = types.arrow_type("mssql", sample.plain_type)
    if pa.types.is_decimal(arrow):
        return bool(arrow.precision <= types.SQLITE_EXACT_DIGITS)
    return sample.sql_type != "time(7)"
