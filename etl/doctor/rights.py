"""What the login may do: asked of the server, and tried in transactions that are rolled back."""

from __future__ import annotations

import secrets

import pyarrow as pa
from sqlalchemy.engine import Connection

from etl import connect, ledger, load, statements
from etl import insert as inserting
from etl.bulk import copy, freetds
from etl.doctor.case import Case, raw
from etl.doctor.findings import Finding, fail, ok, skipped, warn
from etl.errors import DatabaseError
from etl.failures import passing
from etl.statements import TableName, quote
from etl.types import Column

COLUMNS = [Column("id", "bigint", nullable=False), Column("name", "nvarchar(40)"), Column("at", "datetime2(7)")]
ROWS = pa.table(
    {"id": pa.array([1, 2, 3]), "name": ["a", "🚀", None], "at": ["2024-02-29 23:59:59.1234567", None, None]}
)
NO_SUCH_OBJECT = 208
SOURCE_ONLY = "a source is only read"


def read(case: Case) -> Finding:
    """How many of the database's tables the login may read. It sees no others."""
    with case.connected() as connection, connect.statement("asking what may be read"):
        everything, readable, seen = connection.exec_driver_sql(statements.load("doctor_readable")).one()
    if everything:
        return ok(f"the whole database ({seen} tables)")
    if readable:
        return ok(f"{readable} of the {seen} tables that the login sees")
    found = "no table of the database may be read" if seen else "the login sees no table of the database"
    return (fail if case.read_only else warn)(
        found,
        "A source's table must be readable.",
        f"GRANT SELECT ON SCHEMA::dbo TO {_user(case)}, or on single tables.",
    )


def create(case: Case) -> Finding:
    """Whether a table can be made in the login's default schema."""
    if case.read_only:
        return skipped(SOURCE_ONLY)
    with case.connected() as connection:
        try:
            _make(connection)
        except DatabaseError as error:
            _require_refusal(error)
            return _create_refused(case, error)
    return ok("a table was made, and rolled back")


def _create_refused(case: Case, error: DatabaseError) -> Finding:
    with case.connected() as connection:
        has_ledger = ledger.exists(connection)
    fix = f"GRANT CREATE TABLE TO {_user(case)}; GRANT ALTER ON SCHEMA::dbo TO {_user(case)}."
    if has_ledger:
        return warn(
            error.message,
            "The ledger is there, so tables that exist can be appended to; new ones, and `replace`, cannot be made.",
            fix,
        )
    return fail(
        error.message,
        "A copy makes the ledger's tables in the target, and the target's own where it is not there.",
        fix,
    )


def insert(case: Case) -> Finding:
    """Whether rows can be inserted: into a new table, else by what the server says of the tables that are there."""
    if case.read_only:
        return skipped(SOURCE_ONLY)
    with case.connected() as connection:
        try:
            table = _make(connection)
        except DatabaseError as error:
            _require_refusal(error)
            return _insert_elsewhere(case)
        try:
            arrived = inserting.append_rows(connection, table, ROWS, COLUMNS)
        except DatabaseError as error:
            _require_refusal(error)
            return fail(error.message, "Rows cannot be appended.", f"GRANT INSERT ON SCHEMA::dbo TO {_user(case)}.")
    return ok(f"{arrived} rows were inserted into a new table, and rolled back")


def _insert_elsewhere(case: Case) -> Finding:
    with case.connected() as connection, connect.statement("asking what may be written"):
        everything, writable, seen = connection.exec_driver_sql(statements.load("doctor_writable")).one()
    if everything or writable:
        return ok("into " + ("all tables" if everything else f"{writable} of the {seen} tables that the login sees"))
    return fail(
        "rows may be inserted into no table of the database",
        "The login is read-only: it can be used for a source.",
        f"GRANT INSERT ON SCHEMA::dbo TO {_user(case)}; for a source, --read-only.",
    )


def bulk_copy(case: Case) -> Finding:
    """Whether bulk copy works inside a transaction: rows that are rolled back are gone, and their table with them."""
    if case.read_only:
        return skipped(SOURCE_ONLY)
    with case.connected() as connection:
        if freetds.version(raw(connection)) is None:
            return warn(
                "not over this driver", "Rows are written by INSERT, far slower.", "Use driver=FreeTDS in the URL."
            )
        try:
            table = _make(connection)
        except DatabaseError as error:
            _require_refusal(error)
            table = None
        if table is not None:
            return _copied(case, connection, table, "a new table")
    with case.connected() as connection:
        return _copied(case, connection, _make(connection, "#"), "a temporary table")


def _copied(case: Case, connection: Connection, table: TableName, where: str) -> Finding:
    places = range(1, len(COLUMNS) + 1)
    try:
        copy.copy_rows(connection, table, ROWS, COLUMNS, places, table_columns=len(COLUMNS))
        arrived = load.count(connection, table)
    except DatabaseError as error:
        _require_refusal(error)
        grant = f"GRANT SELECT, INSERT ON SCHEMA::dbo TO {_user(case)}."
        return fail(error.message, "Rows cannot be written by bulk copy, which reads the table's columns first.", grant)
    connection.rollback()
    if arrived != ROWS.num_rows or not _is_gone(connection, table):
        return fail(
            f"of {ROWS.num_rows} rows {arrived} arrived in {where}, and a rollback did not take them away",
            "Bulk copy does not take part in the transaction: chunks could be lost or doubled.",
            "Tell this project's maintainers, with the versions above.",
        )
    return ok(f"{arrived} rows arrived in {where} inside a transaction, and were rolled back")


def _require_refusal(error: DatabaseError) -> None:
    """Raise again what is no answer of the server's: a link that is lost, a deadlock."""
    if passing(error) is not None:
        raise error


def _is_gone(connection: Connection, table: TableName) -> bool:
    try:
        load.count(connection, table)
    except DatabaseError as error:
        return error.number == NO_SUCH_OBJECT
    return False


def _make(connection: Connection, prefix: str = "") -> TableName:
    """A table in the login's default schema, or with the prefix # a temporary one."""
    table = TableName(f"{prefix}etl_doctor_{secrets.token_hex(4)}")
    load.create_table(connection, table, COLUMNS)
    return table


def _user(case: Case) -> str:
    login = case.endpoint.url.username
    return quote("mssql", login) if login else "the user"
