"""The sample table: made, and filled with literals, so that no driver touches a value before it is copied."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from sqlalchemy.engine import Connection

from etl import connect
from etl.doctor.findings import Finding, ok
from etl.smoke import samples, texts
from etl.smoke.case import Smoke
from etl.smoke.samples import KEY, Sample
from etl.statements import TableName, quote


def fill(case: Smoke) -> Finding:
    """Make the sample table and fill it."""
    case.samples = samples.columns(case.database_collation, case.major_version)
    given = [sample for sample in case.samples if sample.is_given]
    names = ", ".join(quote("mssql", name) for name in [KEY, *(sample.name for sample in given)])
    literals = itertools.zip_longest(*(sample.literals for sample in given), fillvalue="NULL")
    with case.connected() as connection, connect.statement(f"filling {case.source}"):
        make(connection, case.source, case.samples, primary_key=True)
        insertion = f"INSERT INTO {case.source.quoted('mssql')} ({names}) VALUES"
        for row, values in enumerate(literals):
            connection.exec_driver_sql(f"{insertion} ({row}, {', '.join(values)})")
        texts.insert(connection, case)
        case.sample_rows = connection.exec_driver_sql(
            f"SELECT COUNT(*) FROM {case.source.quoted('mssql')}"
        ).scalar_one()
        connection.commit()
    return ok(f"{case.sample_rows} rows in columns of {len(case.samples)} types")


def make(connection: Connection, table: TableName, columns: Sequence[Sample], *, primary_key: bool = False) -> None:
    """CREATE TABLE for samples and their key."""
    lines = [f"{quote('mssql', KEY)} int NOT NULL{' PRIMARY KEY' if primary_key else ''}"]
    lines += [f"{quote('mssql', column.name)} {column.sql_type}{' NULL' * column.is_given}" for column in columns]
    connection.exec_driver_sql(f"CREATE TABLE {table.quoted('mssql')} ({', '.join(lines)})")
