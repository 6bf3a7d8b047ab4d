"""A copy cut into ranges of a text key: bounds that the server compares under the database's collation."""

from __future__ import annotations

from etl import connect, load, statements
from etl.doctor.findings import Finding, ok
from etl.smoke import comparison, copies
from etl.smoke.case import Smoke
from etl.smoke.samples import Sample, letters
from etl.statements import TableName

SOURCE, COPY = "keys", "keys_copied"
COLUMN = Sample("name", "varchar(20)", ())
ASCII = "aAbBiIkKssSzZ09_-"
CHUNK_ROWS = 10


def copied(case: Smoke) -> Finding:
    """One row for each letter that the collation tells from the others, in chunks of some letters, each arrives once."""
    source, copy = case.table(SOURCE), case.table(COPY)
    rows = _filled(case, source)
    job = copies.job(
        case, source_table=str(source), target_table=str(copy), key=COLUMN.name, chunk_rows=CHUNK_ROWS, workers=1
    )
    result = copies.moved(case, job)
    with case.connected() as connection:
        found = comparison.differences(connection, source, copy, [COLUMN])
    case.require(
        agreed=not found,
        message=f"{copy}, copied by ranges of {COLUMN} under {case.database_collation}, is not {source}: {'; '.join(found)}",
    )
    return ok(f"{rows} letters in {len(result.chunks)} ranges of a text key arrived once each")


def _filled(case: Smoke, table: TableName) -> int:
    """Make the table, with the letters' order under the collation beside them. Returns its number of rows."""
    values = ", ".join(f"(N'{letter}')" for letter in sorted({*ASCII, *letters(case.database_collation)} - {"'"}))
    filling = statements.load("smoke_text_keys").format(table=table.quoted("mssql"), letters=values)
    with case.connected() as connection, connect.statement(f"filling {table}"):
        connection.exec_driver_sql(
            f"CREATE TABLE {table.quoted('mssql')} (id int NOT NULL, name {COLUMN.sql_type} NOT NULL PRIMARY KEY)"
        )
        connection.exec_driver_sql(filling)
        rows = load.count(connection, table)
        connection.commit()
    return rows
