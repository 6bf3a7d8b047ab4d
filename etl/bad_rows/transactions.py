"""A transaction while rows of it may be refused: savepoints, and beginning again where the server has ended it."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from etl import connect
from etl.errors import DatabaseError

SAVE = {"mssql": "SAVE TRANSACTION etl_rows", "sqlite": "SAVEPOINT etl_rows"}
BACK = {"mssql": "ROLLBACK TRANSACTION etl_rows", "sqlite": "ROLLBACK TO etl_rows"}


def save(connection: Connection) -> None:
    """Set the savepoint."""
    _execute(connection, SAVE[connection.dialect.name])


def back(connection: Connection) -> bool:
    """Take back what was done since the savepoint; False where an error has taken back, or doomed, the whole transaction.

    SQL Server has no such savepoint then (3903, 6401), or lets nothing but a whole ROLLBACK follow (3931).
    """
    try:
        _execute(connection, BACK[connection.dialect.name])
    except DatabaseError as error:
        if error.number in {3903, 3931, 6401}:
            return False
        raise
    return True


def begin_again(connection: Connection) -> None:
    """Take everything back, also where the server has done that already: FreeTDS believes that it still has a transaction."""
    _execute(connection, "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION; BEGIN TRANSACTION")


def forgive(connection: Connection) -> None:
    """From here on an error takes back its own statement, and the transaction stays, where the server lets it stay."""
    if connection.dialect.name == "mssql":
        _execute(connection, "SET XACT_ABORT OFF")


def forgive_no_more(connection: Connection) -> None:
    """As every writer's connection is: any error takes back all. A statement that failed may have left NOCOUNT on."""
    if connection.dialect.name == "mssql":
        _execute(connection, "SET XACT_ABORT ON; SET NOCOUNT OFF")


def _execute(connection: Connection, sql: str) -> None:
    with connect.statement("setting the transaction up"):
        connection.exec_driver_sql(sql)
