"""PostgreSQL's errors in SQL Server's numbers and words.

The table maps SQLSTATEs; where a message names a column, a key or a value, the catalog says what they are called in T-SQL.
Error texts: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from etl.sandbox.duplicate_keys import key_text
from etl.sandbox.errors import SqlServerError, not_supported, numeric_overflow
from etl.sandbox.firing import failed_in
from etl.sandbox.link import EngineError, Link
from etl.sandbox.outcomes import Command
from etl.sandbox.sqltypes import SqlType

_VERBS = {Command.INSERT: "INSERT", Command.UPDATE: "UPDATE", Command.DELETE: "DELETE", Command.MERGE: "MERGE"}
_BATCH_ENDING = frozenset({235, 241, 244, 245, 248, 293, 295, 8114, 8169})
"""Failed conversions abort the batch and roll back the transaction, also without XACT_ABORT; 242 (a date out of range) and
overflows end their statement. Of 235, 244, 248 and 293 this is to be checked on a real server. The documentation lists no such
effects; see https://www.sommarskog.se/error_handling/Part2.html."""


class Failure:
    """One error on its way: what PostgreSQL said, and which statement it was."""

    def __init__(self, error: EngineError, command: Command, link: Link) -> None:
        self.error = error
        self.command = command
        self.link = link

    @property
    def verb(self) -> str:
        """The statement's word in messages."""
        return _VERBS.get(self.command, "SELECT")


def server_error(error: EngineError, command: Command, link: Link) -> SqlServerError:
    """The error that SQL Server would have given. Looks names up, so the connection must be out of the failed statement."""
    frame = failed_in(error, link)
    if frame is None:
        return _plain_error(error, command, link)
    found = _plain_error(error, frame.command or command, link)
    # XACT_ABORT is ON inside a trigger: all errors but RAISERROR's, which come as notices, end the batch and the transaction.
    found.line, found.procedure, found.ends_batch, found.dooms_transaction = frame.line, frame.procedure, True, True
    return found


def _plain_error(error: EngineError, command: Command, link: Link) -> SqlServerError:
    if re.fullmatch(r"[YZ]\d{4}", error.sqlstate):
        return _own_error(error)
    handler = _HANDLERS.get(error.sqlstate)
    if handler is None:
        return SqlServerError(50000, f"sandbox: the engine answered {error.sqlstate}: {error.message}", ends_batch=True)
    return handler(Failure(error, command, link))


def _raised_by_trigger(failure: Failure) -> SqlServerError:
    about = json.loads(failure.error.detail)
    return SqlServerError(about["number"], failure.error.message, severity=about["severity"], state=about["state"])


def _own_error(error: EngineError) -> SqlServerError:
    number = int(error.sqlstate[1:]) + (10000 if error.sqlstate[0] == "Y" else 0)
    if number == 9999:
        return not_supported(error.message)
    batch = number in _BATCH_ENDING
    return SqlServerError(number, error.message, ends_batch=batch, dooms_transaction=batch)


def _duplicate(failure: Failure) -> SqlServerError:
    found = failure.link.run(
        "SELECT i.name::text, i.is_primary_key, i.is_unique_constraint, s.name::text || '.' || o.name::text FROM"
        " sandbox.indexes i JOIN sandbox.objects o USING (object_id) JOIN sandbox.schemas s USING (schema_id) WHERE"
        " i.physical = $1::text",
        (failure.error.constraint,),
    ).rows
    if not found:
        return _catalog_conflict(failure)
    name, primary, constraint, table = found[0]
    if failure.command is Command.OTHER:
        return duplicate_in_new_index(table, name, failure.error.detail)
    value = key_text(failure.error.detail, _key_types(failure))
    if primary or constraint:
        kind = "PRIMARY KEY" if primary else "UNIQUE KEY"
        return SqlServerError(
            2627,
            f"Violation of {kind} constraint '{name}'. Cannot insert duplicate key in object '{table}'. The duplicate"
            f" key value is {value}.",
            severity=14,
        )
    return SqlServerError(
        2601,
        f"Cannot insert duplicate key row in object '{table}' with unique index '{name}'. The duplicate key value is"
        f" {value}.",
        severity=14,
    )


def duplicate_in_new_index(table: str, name: str, detail: str) -> SqlServerError:
    """Error 1505; `detail` is PostgreSQL's, which names the key."""
    return SqlServerError(
        1505,
        "The CREATE UNIQUE INDEX statement terminated because a duplicate key was found for the object name "
        f"'{table}' and the index name '{name}'. The duplicate key value is {key_text(detail)}.",
    )


def _key_types(failure: Failure) -> list[SqlType]:
    rows = failure.link.run(
        "SELECT c.type_name, c.scale FROM sandbox.indexes i JOIN sandbox.index_columns k USING (object_id, index_id) JOIN"
        " sandbox.columns c ON c.object_id = k.object_id AND c.column_id = k.column_id WHERE i.physical = $1::text AND"
        " k.key_ordinal > 0 ORDER BY k.key_ordinal",
        (failure.error.constraint,),
    ).rows
    return [SqlType(name, scale=scale) for name, scale in rows]


def _catalog_conflict(failure: Failure) -> SqlServerError:
    """Two sessions made the same name at once: the catalog's own unique keys speak."""
    match = re.search(r"\(([^)]*)\)=\((.*)\)", failure.error.detail)
    name = match[2].split(", ")[-1] if match else "?"
    own = failure.error.schema == "sandbox"
    if own and failure.error.table == "logins":
        return SqlServerError(15025, f"The server principal '{name}' already exists.")
    if own and failure.error.table == "principals":
        return SqlServerError(15023, f"User, group, or role '{name}' already exists in the current database.")
    name = match[2].split(", ")[1] if match and ", " in match[2] else "?"
    return SqlServerError(2714, f"There is already an object named '{name}' in the database.", state=6)


def _create_conflict(failure: Failure) -> SqlServerError:
    match = re.search(r'"([^"]+)"', failure.error.message)
    return SqlServerError(
        2714, f"There is already an object named '{match[1] if match else ''}' in the database.", state=6
    )


def _null(failure: Failure) -> SqlServerError:
    error = failure.error
    found = failure.link.run(
        "SELECT c.name::text, d.name::text || '.' || s.name::text || '.' || o.name::text FROM sandbox.columns c JOIN"
        " sandbox.objects o USING (object_id) JOIN sandbox.schemas s USING (schema_id) JOIN sandbox.databases d USING"
        " (database_id) WHERE o.physical = $1::text AND c.physical = $2::text AND (s.physical = $3::text OR o.session"
        " <> 0)",
        (error.table, error.column, error.schema),
    ).rows
    column, table = found[0] if found else (error.column, error.table)
    verb = failure.verb if failure.command is not Command.OTHER else "ALTER TABLE"
    return SqlServerError(
        515,
        f"Cannot insert the value NULL into column '{column}', table '{table}'; column does not allow nulls. {verb}"
        " fails.",
        state=2,
    )


_CONSTRAINT = """
SELECT c.name::text, d.name::text, ps.name::text || '.' || p.name::text, p.name::text, rs.name::text || '.' || r.name::text,
  (SELECT min(pc.name::text) FROM sandbox.foreign_key_columns k
    JOIN sandbox.columns pc ON pc.object_id = p.object_id AND pc.column_id = k.parent_column_id
    WHERE k.object_id = c.object_id HAVING count(*) = 1),
  (SELECT min(rc.name::text) FROM sandbox.foreign_key_columns k
    JOIN sandbox.columns rc ON rc.object_id = r.object_id AND rc.column_id = k.referenced_column_id
    WHERE k.object_id = c.object_id HAVING count(*) = 1),
  c.type::text,
  (SELECT k.name::text FROM sandbox.columns k WHERE k.object_id = p.object_id AND k.column_id = c.parent_column_id)
FROM sandbox.objects c JOIN sandbox.objects p ON p.object_id = c.parent_object_id
JOIN sandbox.schemas ps ON ps.schema_id = p.schema_id JOIN sandbox.databases d ON d.database_id = ps.database_id
LEFT JOIN sandbox.foreign_keys f ON f.object_id = c.object_id
LEFT JOIN sandbox.objects r ON r.object_id = f.referenced_object_id
LEFT JOIN sandbox.schemas rs ON rs.schema_id = r.schema_id
WHERE c.physical = $1::text AND c.type IN ('F', 'C')
"""


def _foreign_key(failure: Failure) -> SqlServerError:
    found = failure.link.run(_CONSTRAINT, (failure.error.constraint,)).rows
    if not found:
        return SqlServerError(50000, f"sandbox: unknown foreign key: {failure.error.message}", ends_batch=True)
    name, database, child, _, parent, child_column, parent_column, *_ = found[0]
    from_parent = (
        "still referenced" in failure.error.detail
        or "is still referenced" in failure.error.message
        or failure.error.message.startswith("update or delete")
    )
    if from_parent:
        kind, table, column = "REFERENCE", child, child_column
    else:
        kind, table, column = "FOREIGN KEY", parent, parent_column
    verb = failure.verb if failure.command is not Command.OTHER else "ALTER TABLE"
    return conflict(verb, kind, name, database, table, column)


def conflict(verb: str, kind: str, name: str, database: str, table: str, column: str | None) -> SqlServerError:
    """Error 547. `table` is `schema.name`; `column` where it is one."""
    place = f", column '{column}'" if column else ""
    return SqlServerError(
        547,
        f'The {verb} statement conflicted with the {kind} constraint "{name}". The conflict occurred in database'
        f' "{database}", table "{table}"{place}.',
        state=0,
    )


def _check(failure: Failure) -> SqlServerError:
    found = failure.link.run(_CONSTRAINT, (failure.error.constraint,)).rows
    if not found:
        return SqlServerError(50000, f"sandbox: unknown check: {failure.error.message}", ends_batch=True)
    name, database, table, *_, column = found[0]
    verb = failure.verb if failure.command is not Command.OTHER else "ALTER TABLE"
    return conflict(verb, "CHECK", name, database, table, column)


_POSTGRES_INTEGERS = {"smallint": "smallint", "integer": "int", "bigint": "bigint"}


def _overflow(failure: Failure) -> SqlServerError:
    message = failure.error.message
    for word, name in _POSTGRES_INTEGERS.items():
        if message.startswith(word) or f"for type {word}" in message:
            return SqlServerError(
                8115, f"Arithmetic overflow error converting expression to data type {name}.", state=2
            )
    if "numeric" in message:
        return numeric_overflow()
    name = "real" if "real" in message else "float"
    return SqlServerError(8115, f"Arithmetic overflow error converting expression to data type {name}.", state=2)


def _fixed(
    number: int,
    message: str,
    *,
    severity: int = 16,
    state: int = 1,
    ends_batch: bool = False,
    dooms_transaction: bool = False,
) -> Callable[[Failure], SqlServerError]:
    """A new error each time: the running batch writes its line into it."""
    return lambda _failure: SqlServerError(
        number, message, severity=severity, state=state, ends_batch=ends_batch, dooms_transaction=dooms_transaction
    )


def _identity_overflow(failure: Failure) -> SqlServerError:
    return SqlServerError(
        8115, f"Arithmetic overflow error converting IDENTITY to data type int. ({failure.error.message})", state=1
    )


def _missing(failure: Failure) -> SqlServerError:
    match = re.search(r'"([^"]+)"', failure.error.message)
    return SqlServerError(208, f"Invalid object name '{match[1] if match else ''}'.", ends_batch=True)


def _ungrouped(failure: Failure) -> SqlServerError:
    match = re.search(r'column "([^"]+)"', failure.error.message)
    name = match[1] if match else ""
    return SqlServerError(
        8120,
        f"Column '{name}' is invalid in the select list because it is not contained in either an aggregate function or"
        " the GROUP BY clause.",
        ends_batch=True,
    )


_DEADLOCK = (
    "Transaction (Process ID) was deadlocked on lock resources with another process and has been chosen as the deadlock"
    " victim. Rerun the transaction."
)
_CONFLICT = (
    "Snapshot isolation transaction aborted due to update conflict. You cannot use snapshot isolation to access the"
    " table directly or indirectly to update, delete, or insert the row that has been modified or deleted by another"
    " transaction. Retry the transaction or change the isolation level for the update/delete statement."
)

_HANDLERS: dict[str, Callable[[Failure], SqlServerError]] = {
    "23505": _duplicate,
    "23502": _null,
    "23503": _foreign_key,
    "23001": _foreign_key,
    "23514": _check,
    "22003": _overflow,
    "22P05": lambda _failure: not_supported("a text with the character U+0000"),
    "22P02": _fixed(245, "Conversion failed.", ends_batch=True, dooms_transaction=True),
    "22012": _fixed(8134, "Divide by zero error encountered."),
    "2201F": _fixed(3623, "An invalid floating point operation occurred."),
    "2201E": _fixed(3623, "An invalid floating point operation occurred."),
    "22008": _fixed(517, "Adding a value to a date column caused an overflow."),
    "2201W": _fixed(
        1060,
        "The number of rows provided for a TOP or FETCH clauses row count parameter must be an integer.",
        severity=15,
    ),
    "2201X": _fixed(10742, "The offset specified in a OFFSET clause may not be negative.", severity=15),
    "22014": _fixed(3610, "The value of the NTILE argument must be positive."),
    "2200H": _identity_overflow,
    "21000": _fixed(
        512,
        "Subquery returned more than 1 value. This is not permitted when the subquery follows =, !=, <, <= , >, >= or"
        " when the subquery is used as an expression.",
    ),
    "40P01": _fixed(1205, _DEADLOCK, severity=13, state=45, ends_batch=True, dooms_transaction=True),
    "40001": _fixed(3960, _CONFLICT, ends_batch=True, dooms_transaction=True),
    "55P03": _fixed(1222, "Lock request time out period exceeded.", state=51),
    "57014": _fixed(0, "Query cancelled by the client.", severity=11, ends_batch=True),
    "53100": _fixed(
        1105,
        "Could not allocate space for object in database because the 'PRIMARY' filegroup is full.",
        severity=17,
        state=2,
    ),
    "42P01": _missing,
    "42P07": _create_conflict,
    "42803": _ungrouped,
    "54000": _fixed(8618, "The query processor could not produce a query plan."),
    "54001": _fixed(8631, "Internal error: Server stack limit has been reached.", ends_batch=True),
    "54011": _fixed(1702, "CREATE TABLE failed because a column in the table exceeds the maximum of 1024 columns."),
    "54023": _fixed(
        8003,
        "The incoming request has too many parameters. The server supports a maximum of 2100 parameters.",
        ends_batch=True,
    ),
    "2BP01": _fixed(3726, "Could not drop object because it is referenced by a FOREIGN KEY constraint or a view."),
    "ZT002": _raised_by_trigger,
    "57P01": _fixed(596, "Cannot continue the execution because the session is in the kill state.", severity=21),
    "57P02": _fixed(596, "Cannot continue the execution because the session is in the kill state.", severity=21),
}
