"""What varchar holds under the database's collation: the letters of its code page, and whatever text is asked for."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from etl import code_pages, statements
from etl.doctor.findings import Finding, ok
from etl.errors import SchemaError
from etl.smoke.case import Smoke
from etl.smoke.samples import KEY, TEXTS_TYPE, Sample, letters
from etl.statements import quote

FIRST_KEY = 1_000
SHOWN_CHARS = 40


def insert(connection: Connection, case: Smoke) -> None:
    """Add a row with each text to the sample table, which the caller commits."""
    insertion = statements.load("smoke_insert_text").format(**_names(case))
    for key, text in _texts(case).items():
        connection.exec_driver_sql(insertion, (key, text))


def check(case: Smoke) -> Finding:
    """What the server has made of them. Raises SchemaError, naming column and collation, for a text that has changed."""
    column, collation = _column(case), case.database_collation
    with case.connected() as connection:
        query = statements.load("smoke_texts").format(**_names(case))
        stored: dict[int, str] = dict(connection.exec_driver_sql(query, (FIRST_KEY,)).all())
    for key, text in _texts(case).items():
        if stored[key] != text:
            raise SchemaError(
                f"column {column}, under the database's collation {collation}, does not hold {_shown(text)}: "
                f"{_changed(text, stored[key])}",
                state="Columns of char, varchar and text change such letters without an error; nvarchar holds them.",
                advice="Declare the columns nvarchar, or make the database with a collation for these texts: "
                "CREATE DATABASE … COLLATE …, on SQL Server 2019 and newer one that ends in _UTF8.",
            )
    return ok(f"varchar holds {_held(collation)}{' and every text given' * bool(case.texts)}")


def _held(collation: str) -> str:
    page = code_pages.codec(collation)
    if code_pages.is_utf8(collation):
        return "the letters of Unicode"
    return "ASCII; its code page is not known here" if page is None else f"the letters of code page {page[2:]}"


def _texts(case: Smoke) -> dict[int, str]:
    return dict(enumerate([letters(case.database_collation), *case.texts], start=FIRST_KEY))


def _column(case: Smoke) -> Sample:
    return next(sample for sample in case.samples if sample.sql_type == TEXTS_TYPE)


def _names(case: Smoke) -> dict[str, str]:
    return {
        "key": quote("mssql", KEY),
        "column": quote("mssql", _column(case).name),
        "table": case.source.quoted("mssql"),
    }


def _changed(text: str, stored: str) -> str:
    """What came of the letters that are others now, or of all where their number has changed."""
    if len(text) != len(stored):
        return f"it has become {_shown(stored)}"
    changed = [f"{was!r} has become {now!r}" for was, now in zip(text, stored, strict=True) if was != now]
    more = f", and {len(changed) - 3} more" if len(changed) > 3 else ""
    return ", ".join(changed[:3]) + more


def _shown(text: str) -> str:
    return repr(text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…")
