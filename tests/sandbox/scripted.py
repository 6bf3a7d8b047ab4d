"""An interpreter that plays what a test wrote down: the wire's tests need outcomes, not a database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from etl.sandbox.errors import SqlServerError
from etl.sandbox.outcomes import (
    BulkRows,
    Client,
    Column,
    Command,
    Isolation,
    Outcome,
    Parameterized,
    ResultSet,
    StatementDone,
    TransactionChanged,
    TransactionEvent,
)
from etl.sandbox.sqltypes import SqlType, Value
from tests.sandbox.tsql import batch_rows

INT = SqlType("int")
WIDEST_PARAMETERS = [("varchar", 12, 8000), ("nvarchar", -9, 4000), ("varbinary", -3, 8000), ("datetime2", 93, 27)]
"""Type name, ODBC type number, and the column size that a driver may declare."""

Script = Callable[["ScriptedInterpreter", Parameterized], Iterator[Outcome]]


@dataclass
class ScriptedEngine:
    """Answers a statement's text with the script registered for it, and any other with an empty success."""

    scripts: dict[str, Script] = field(default_factory=dict)
    sessions: list[ScriptedInterpreter] = field(default_factory=list)
    fail_commit: SqlServerError | None = None

    def __post_init__(self) -> None:
        # pyodbc asks for these at connect: without an answer FreeTDS cuts long values and microseconds silently.
        columns = [Column("TYPE_NAME", SqlType("sysname")), Column("DATA_TYPE", INT), Column("PRECISION", INT)]
        for name, number, size in WIDEST_PARAMETERS:
            self.answer(f"sp_datatype_info_100 {number},3", columns, [(name, number, size)])

    def login(self, user: str, password: str, database: str) -> ScriptedInterpreter:
        if (user, password) != ("sa", "secret"):
            raise SqlServerError(18456, f"Login failed for user '{user}'.", severity=14)
        if database not in {"", "sandbox"}:
            raise SqlServerError(4060, f'Cannot open database "{database}" requested by the login.', severity=11)
        session = ScriptedInterpreter(self)
        self.sessions.append(session)
        return session

    def answer(self, text: str, columns: Sequence[Column], rows: Sequence[tuple[Value, ...]]) -> None:
        """Register a result set."""

        def script(_: ScriptedInterpreter, __: Parameterized) -> Iterator[Outcome]:
            yield ResultSet(tuple(columns), iter([rows] if rows else []))
            yield StatementDone(Command.SELECT, len(rows))

        self.scripts[text] = script


class ScriptedInterpreter:
    """One session. Counts transactions and remembers what it was asked."""

    def __init__(self, engine: ScriptedEngine) -> None:
        self._engine = engine
        self.requests: list[Parameterized] = []
        self.transaction_count = 0
        self.database = "sandbox"
        self.cancelled = threading.Event()
        self.closed = threading.Event()
        self.resets = 0
        self.client: Client | None = None
        self.loaded: list[tuple[Value, ...]] = []
        self.loaded_columns: tuple[Column, ...] = ()

    def describe_client(self, client: Client) -> None:
        self.client = client

    def run(self, request: Parameterized) -> Iterator[Outcome]:
        self.requests.append(request)
        script = self._engine.scripts.get(request.text)
        if script:
            yield from script(self, request)
        else:
            yield StatementDone()

    def bulk_load(self, rows: BulkRows) -> Iterator[Outcome]:
        types = [column.type for column in rows.columns]
        self.loaded = [row for batch in rows.batches for row in batch_rows(types, batch)]
        self.loaded_columns = rows.columns
        yield StatementDone(Command.INSERT, len(self.loaded))

    def fail(self, error: SqlServerError) -> Iterator[Outcome]:
        raise error
        yield

    def begin(self, isolation: Isolation, name: str = "") -> None:
        self.transaction_count += 1

    def commit(self) -> None:
        if self._engine.fail_commit:
            self.transaction_count = 0
            raise self._engine.fail_commit
        if not self.transaction_count:
            raise SqlServerError(3902, "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.")
        self.transaction_count -= 1

    def rollback(self, name: str = "") -> None:
        self.transaction_count = 0

    def save(self, name: str) -> None:
        assert name

    def reset(self) -> None:
        self.resets += 1
        self.transaction_count = 0

    def cancel(self) -> None:
        self.cancelled.set()

    def close(self) -> None:
        self.closed.set()


def echo(session: ScriptedInterpreter, request: Parameterized) -> Iterator[Outcome]:
    """A script: the arguments come back as one row, with the types they were sent with."""
    columns = tuple(Column(f"c{n}", argument.type) for n, argument in enumerate(request.arguments))
    yield ResultSet(columns, iter([[tuple(argument.value for argument in request.arguments)]]))
    yield StatementDone(Command.SELECT, 1)


def rows_of(type_: SqlType, values: Sequence[Value]) -> tuple[tuple[Column, ...], list[tuple[Value, ...]]]:
    """One column of `type_`, a row for each value."""
    return (Column("v", type_),), [(value,) for value in values]


def roll_back_and_fail(session: ScriptedInterpreter, request: Parameterized) -> Iterator[Outcome]:
    """A script: an error that takes the transaction with it."""
    session.transaction_count = 0
    yield TransactionChanged(TransactionEvent.ROLLED_BACK)
    raise SqlServerError(1205, "Transaction was deadlocked.", severity=13, state=51)
