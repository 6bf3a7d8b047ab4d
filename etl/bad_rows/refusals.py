"""Which of the server's errors are a single row's doing: the table by which a chunk's rows are told apart, or the chunk fails.

Numbers and meanings: learn.microsoft.com, "Database engine events and errors".
"""

from __future__ import annotations

import sqlite3

import sqlalchemy as sa

from etl.errors import DatabaseError, EtlError

NUMBERS: dict[int, str] = {
    220: "arithmetic overflow of an integer",
    232: "arithmetic overflow of a type",
    241: "text that is no date or time",
    242: "text that is a date out of range",
    244: "text beyond an integer",
    245: "text that is no value of the type",
    248: "text beyond an int",
    295: "text that is no smalldatetime",
    298: "a datetime that is no smalldatetime",
    515: "NULL where the column takes none",
    547: "a CHECK or FOREIGN KEY constraint",
    550: "a view WITH CHECK OPTION",
    1946: "a key longer than its index takes",
    2601: "a duplicate key of a unique index",
    2627: "a duplicate key of a PRIMARY KEY or UNIQUE constraint",
    2628: "a value that would be cut",
    3609: "a trigger that ended the transaction",
    4863: "a bulk load's value that would be cut",
    4864: "a bulk load's value of another type",
    4867: "a bulk load's value out of range",
    4879: "a bulk load's column that is too long",
    6926: "xml that its schema collection refuses",
    8114: "a value of another type",
    8115: "arithmetic overflow",
    8152: "text or binary that would be cut",
    8169: "text that is no uniqueidentifier",
    9400: "xml that ends too soon",
    9402: "xml in another encoding",
    9410: "xml with white space in a wrong place",
    9413: "xml that does not go on as it must",
    9420: "xml with a character that is not allowed",
    9436: "xml whose tags do not match",
    9455: "xml with a name that is not allowed",
}
DUPLICATES = frozenset({2601, 2627})
OWN_ERRORS = 50_000
"""From here on numbers are those of THROW and RAISERROR: on an INSERT, a trigger's refusal ("RAISERROR (Transact-SQL)")."""


def is_a_rows(error: EtlError) -> bool:
    """Whether the server, or SQLite, refused rows for what they hold, so that others may be taken."""
    if not isinstance(error, DatabaseError):
        return False
    if error.number is not None:
        return error.number in NUMBERS or error.number >= OWN_ERRORS
    # SQLite: constraints, STRICT types and triggers' RAISE are all SQLITE_CONSTRAINT, or "datatype mismatch".
    return isinstance(error.__cause__, sa.exc.IntegrityError | sqlite3.IntegrityError)
