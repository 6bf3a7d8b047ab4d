"""Two tables compared by the server itself, cell by cell and byte by byte."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from etl import connect, load
from etl.smoke.samples import KEY, Sample
from etl.statements import TableName, quote

TEXTS = ("char", "varchar", "nchar", "nvarchar", "text", "ntext", "xml")
SHOWN = {
    # Other collations take no notice of case, and all of blanks at the end: those are in the length.
    **dict.fromkeys(TEXTS, "CONVERT(nvarchar(max), {c}) COLLATE Latin1_General_BIN2"),
    "image": "CONVERT(varbinary(max), {c})",
    # A copy of a rowversion is binary(8).
    "rowversion": "CONVERT(binary(8), {c})",
    # An instant equals itself under any offset.
    "datetimeoffset": "CONVERT(varchar(34), {c}, 121)",
}


def cell(kind: str, column: str) -> tuple[str, str]:
    """What is compared of a quoted column: its value as the server tells all values apart, and its length in bytes."""
    name = kind.partition("(")[0].partition(" ")[0]
    shown = SHOWN.get(name, "{c}").format(c=column)
    has_length = name in TEXTS or name == "image" or "binary" in name
    return shown, f"DATALENGTH({shown.partition(' COLLATE')[0]})" if has_length else "0"


def differences(connection: Connection, source: TableName, copy: TableName, samples: Sequence[Sample]) -> list[str]:
    """What is not in both tables alike: numbers of rows, or columns by name and type. Rows are told apart by their key."""
    with connect.statement(f"comparing {copy} with {source}"):
        counts = load.count(connection, source), load.count(connection, copy)
        if counts[0] != counts[1]:
            return [f"{counts[0]} rows became {counts[1]}"]
        if not _missing(connection, source, copy, samples):
            return []
        return [str(sample) for sample in samples if _missing(connection, source, copy, [sample])]


def _missing(connection: Connection, source: TableName, copy: TableName, samples: Sequence[Sample]) -> bool:
    """Whether one of the tables lacks a row of the other. Both ways: a key that is there twice hides another one."""
    one, other = _cells(source, samples), _cells(copy, samples)
    return any(
        connection.exec_driver_sql(f"SELECT COUNT(*) FROM ({left} EXCEPT {right}) AS missing").scalar_one()
        for left, right in ((one, other), (other, one))
    )


def _cells(table: TableName, samples: Sequence[Sample]) -> str:
    shown = [quote("mssql", KEY)]
    for number, sample in enumerate(samples):
        value, length = cell(sample.sql_type, quote("mssql", sample.name))
        shown += [f"{value} AS c{number}", f"{length} AS b{number}"]
    return f"SELECT {', '.join(shown)} FROM {table.quoted('mssql')}"
