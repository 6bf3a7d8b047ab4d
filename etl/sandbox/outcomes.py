"""What running T-SQL produces: the contract between the TDS session and the T-SQL interpreter.

The session (protocol) asks an `Interpreter` (language and engine) to run something and gets a stream of outcomes in the
order in which SQL Server would send them. Neither side knows how the other works: the wire never sees PostgreSQL, the
translation never sees a token.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from etl.sandbox.columns import ColumnBatch
from etl.sandbox.errors import SqlServerError
from etl.sandbox.sqltypes import SqlType, Value


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a result set."""

    name: str
    type: SqlType
    nullable: bool = True
    identity: bool = False
    computed: bool = False
    collation: str | None = None
    """Of a text that has another than the database's."""


@dataclass(slots=True)
class ResultSet:
    """Rows on their way to the client: tuples, or columns where they are many.

    `batches` is read once, and wholly unless the client cancels.
    """

    columns: tuple[Column, ...]
    batches: Iterator[Sequence[tuple[Value, ...]] | ColumnBatch]


class Command(Enum):
    """The statement kinds that a DONE token names (CurCmd, MS-TDS 2.2.7.6)."""

    OTHER = 0x00
    SELECT = 0xC1
    INSERT = 0xC3
    DELETE = 0xC4
    UPDATE = 0xC5
    MERGE = 0x117
    BEGIN_TRANSACTION = 0xD4
    COMMIT = 0xD5
    ROLLBACK = 0xD2


@dataclass(frozen=True, slots=True)
class StatementDone:
    """A statement has ended well. `row_count` is None where SQL Server reports none (DDL, SET, or NOCOUNT is on)."""

    command: Command = Command.OTHER
    row_count: int | None = None
    in_procedure: bool = False
    """Whether it is a statement of a trigger (DONEINPROC, MS-TDS 2.2.7.7)."""


@dataclass(frozen=True, slots=True)
class StatementFailed:
    """A statement has ended with an error and the batch goes on, as it does for most errors of severity 11 to 16."""

    error: SqlServerError
    taken_back: bool = False
    """Whether it was a change that began: message 3621 says so after the error."""


@dataclass(frozen=True, slots=True)
class Message:
    """An INFO token: PRINT, `Changed database context`, a warning. Severity is 10 or lower."""

    number: int
    text: str
    severity: int = 0
    state: int = 1
    line: int = 1


@dataclass(frozen=True, slots=True)
class DatabaseChanged:
    """USE took effect (ENVCHANGE type 1)."""

    old: str
    new: str


class TransactionEvent(Enum):
    """The outermost transaction changed (ENVCHANGE types 8, 9, 10)."""

    BEGUN = 8
    COMMITTED = 9
    ROLLED_BACK = 10


@dataclass(frozen=True, slots=True)
class TransactionChanged:
    """A BEGIN, COMMIT or ROLLBACK inside a batch, or an error that rolled the transaction back."""

    event: TransactionEvent


@dataclass(frozen=True, slots=True)
class OutputValue:
    """A parameter marked OUTPUT, after the batch has run (RETURNVALUE token)."""

    name: str
    type: SqlType
    value: Value


@dataclass(frozen=True, slots=True)
class ProcedureEnded:
    """EXEC in a batch has come to its end (RETURNSTATUS and DONEPROC); its statements had `in_procedure`."""

    status: int = 0


Outcome = (
    ResultSet
    | StatementDone
    | StatementFailed
    | Message
    | DatabaseChanged
    | TransactionChanged
    | OutputValue
    | ProcedureEnded
)


@dataclass(frozen=True, slots=True)
class Argument:
    """A value for a declared parameter, as it came over the wire. The declared type governs; `type` is what was sent."""

    value: Value
    type: SqlType
    name: str = ""
    """With its @, or empty where arguments are positional."""
    output: bool = False


@dataclass(frozen=True, slots=True)
class Parameterized:
    """T-SQL text with the text of its parameter declarations (`@P1 int, @P2 nvarchar(40) OUTPUT`) and the arguments."""

    text: str
    declarations: str = ""
    arguments: Sequence[Argument] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Client:
    """What a session knows of its client besides the login."""

    host: str = ""
    """HOST_NAME(), as the client calls its machine."""
    application: str = ""
    """APP_NAME()."""
    address: str = ""
    """Where the connection comes from."""
    encrypted: bool = False
    """Whether TLS covers the whole connection; a login that alone was encrypted does not count."""
    packet_bytes: int = 4096
    tds_version: int = 0x74000004


@dataclass(slots=True)
class BulkRows:
    """Rows on their way from the client into the table that INSERT BULK named. `batches` is read once."""

    columns: tuple[Column, ...]
    """As the client describes them; their order is that of INSERT BULK's column list."""
    batches: Iterator[Sequence[tuple[Value, ...]] | ColumnBatch]


class Isolation(Enum):
    """Isolation levels as TDS numbers them (MS-TDS 2.2.6.9)."""

    CURRENT = 0
    READ_UNCOMMITTED = 1
    READ_COMMITTED = 2
    REPEATABLE_READ = 3
    SERIALIZABLE = 4
    SNAPSHOT = 5


class Interpreter(Protocol):
    """One client's T-SQL session on the engine. Not thread-safe but for `cancel`.

    Every method raises `SqlServerError` for an error that ends the batch; after it the session is usable again unless
    the severity is 20 or higher. `transaction_count` is @@TRANCOUNT.
    """

    @property
    def transaction_count(self) -> int:
        """@@TRANCOUNT as it is now."""
        ...

    @property
    def database(self) -> str:
        """The current database's name."""
        ...

    def describe_client(self, client: Client) -> None:
        """What the connection shows of its client, told once after the login."""
        ...

    def run(self, request: Parameterized) -> Iterator[Outcome]:
        """Run a batch or a parameterised statement. Lazy: an outcome's work is done when it is asked for."""
        ...

    def bulk_load(self, rows: BulkRows) -> Iterator[Outcome]:
        """Store the rows that an INSERT BULK has announced, all or none. What `rows` raises takes them back."""
        ...

    def fail(self, error: SqlServerError) -> Iterator[Outcome]:
        """What an error that no statement raised does to the session: @@ERROR, XACT_ABORT, the transaction.

        Gives the outcomes to tell, or raises the error when it ends the batch.
        """
        ...

    def begin(self, isolation: Isolation, name: str = "") -> None:
        """BEGIN TRANSACTION; nested calls only count."""
        ...

    def commit(self) -> None:
        """COMMIT one level. Error 3902 without a transaction."""
        ...

    def rollback(self, name: str = "") -> None:
        """ROLLBACK everything, or to the savepoint `name`. Error 3903 without a transaction."""
        ...

    def save(self, name: str) -> None:
        """SAVE TRANSACTION. Error 628 without a transaction."""
        ...

    def reset(self) -> None:
        """What RESETCONNECTION asks for (MS-TDS 2.2.3.1.2): roll back, drop #tables, forget SET options."""
        ...

    def cancel(self) -> None:
        """Called from another thread on ATTENTION: make the running statement stop soon, with the transaction kept."""
        ...

    def close(self) -> None:
        """End the session: roll back what is open and free its resources. Never raises."""
        ...


class Engine(Protocol):
    """The database behind the server, shared by all connections."""

    def login(self, user: str, password: str, database: str) -> Interpreter:
        """Open a session. Raises 18456 for a wrong login, 4060 for a database that cannot be opened; empty = the default."""
        ...
