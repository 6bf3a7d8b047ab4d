"""What a server's refusal means for who smoke-tests it, by the error's number, and what to do about it.

Numbers: learn.microsoft.com, "Database engine events and errors".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from etl import connect, statements
from etl.errors import DatabaseError
from etl.failures import passing
from etl.smoke.case import Smoke
from etl.statements import quote

NO_RIGHT = frozenset(
    {
        229,  # a permission on an object or schema was denied
        230,  # on a column
        262,  # a permission in the database: CREATE SCHEMA, CREATE TABLE
        1088,  # the object is not there, or may not be altered
        2759,  # CREATE SCHEMA failed due to previous errors
        2760,  # the schema is not there, or may not be altered
        3701,  # cannot drop: not there, or no permission
        15151,  # cannot find the schema or user, or no permission
        15247,  # the user may not do this
    }
)
READ_ONLY_DATABASE = 3906
OTHER_COLLATION = 468
UNKNOWN_COLLATION = 448


@dataclass(frozen=True, slots=True)
class Explanation:
    """In words for people."""

    meaning: str
    fix: str


NOT_KNOWN = Explanation("", "")
NO_SPACE = Explanation(
    "The database has no room: its files, or the disk under them, are full.",
    "Free space on the server's disk, or let the database's files grow: sys.database_files has size and max_size.",
)
NO_LOG = Explanation(
    "The transaction log is full: nothing can be written until there is room in it.",
    "See log_reuse_wait_desc in sys.databases for what holds it; back the log up, or let its file grow.",
)
KNOWN: dict[int, Explanation] = {
    **dict.fromkeys((1101, 1105, 5149, 40544), NO_SPACE),
    9002: NO_LOG,
    READ_ONLY_DATABASE: Explanation(
        "The database is read-only: it can be a source, and no target.",
        "Give the primary's address, or ALTER DATABASE … SET READ_WRITE.",
    ),
    OTHER_COLLATION: Explanation(
        "Texts of two collations meet: the database's is not that of temporary tables, which is the server's.",
        "Make the database with the server's collation, or CONTAINMENT = PARTIAL.",
    ),
    UNKNOWN_COLLATION: Explanation(
        "This server is too old for a collation that is needed.", "Use SQL Server 2019 or newer."
    ),
}


@dataclass(frozen=True, slots=True)
class Right:
    """One right, as the server is asked for it and as it is granted."""

    field: str
    """Of sql/smoke_rights.sql."""
    grant: str
    """`{user}` and `{schema}` are quoted names."""
    writes: bool = True


RIGHTS = (
    Right("create_schema", "GRANT CREATE SCHEMA TO {user}"),
    Right("create_table", "GRANT CREATE TABLE TO {user}"),
    Right("alter_default", "GRANT ALTER ON SCHEMA::{schema} TO {user}"),
    Right("select_default", "GRANT SELECT ON SCHEMA::{schema} TO {user}", writes=False),
    Right("insert_default", "GRANT INSERT ON SCHEMA::{schema} TO {user}"),
    Right("update_default", "GRANT UPDATE ON SCHEMA::{schema} TO {user}"),
    Right("delete_default", "GRANT DELETE ON SCHEMA::{schema} TO {user}"),
)
MEANING_OF_RIGHTS = (
    "A smoke test makes a schema of its own with tables in it, and keeps the ledger in the login's default schema."
)


def explained(case: Smoke, error: DatabaseError) -> Explanation:
    """What the error means and what to do; empty texts where nothing is known of it. Asks the server for the rights."""
    if error.number in NO_RIGHT:
        return _of_rights(case)
    if error.number in KNOWN:
        return KNOWN[error.number]
    kind = passing(error)
    return Explanation(f"This may pass by itself ({kind}).", "Try again.") if kind else NOT_KNOWN


def _of_rights(case: Smoke) -> Explanation:
    with case.connected() as connection, connect.statement("asking what the login may do"):
        found = connection.exec_driver_sql(statements.load("smoke_rights")).mappings().one()
    missing = [right for right in RIGHTS if not found[right.field]]
    grants = _grants(missing, str(found["user_name"]), str(found["default_schema"] or "dbo"))
    if all(right in missing for right in RIGHTS if right.writes):
        return Explanation(f"The login is read-only: it may be used for a source. {MEANING_OF_RIGHTS}", grants)
    return Explanation(MEANING_OF_RIGHTS, grants)


def _grants(missing: Sequence[Right], user: str, schema: str) -> str:
    names = {"user": quote("mssql", user), "schema": quote("mssql", schema)}
    return "; ".join(right.grant.format(**names) for right in missing)
