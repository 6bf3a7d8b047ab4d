"""T-SQL run on the engine: one client's session, as the protocol sees it (`outcomes.Interpreter`)."""

from __future__ import annotations

from collections.abc import Iterator

from etl.sandbox.batch_runner import BatchRunner
from etl.sandbox.catalog import Catalog
from etl.sandbox.errors import SqlServerError
from etl.sandbox.identity import LastIdentity
from etl.sandbox.link import EngineError, Link, LostError
from etl.sandbox.outcomes import BulkRows, Client, Command, Isolation, Outcome, Parameterized
from etl.sandbox.pgerrors import server_error
from etl.sandbox.state import Options, SessionState
from etl.sandbox.transactions import Transaction


class SqlInterpreter:
    """See `outcomes.Interpreter`."""

    def __init__(self, link: Link, catalog: Catalog, user: str, number: int, database: str) -> None:
        self._link = link
        self._catalog = catalog
        self._state = SessionState(user, number, database)
        self._transaction = Transaction(link, catalog, self._state)
        self._identity = LastIdentity(link, self._state)
        self._batches = BatchRunner(link, catalog, self._state, self._transaction, self._identity)

    @property
    def transaction_count(self) -> int:
        """@@TRANCOUNT as it is now."""
        return self._state.transactions

    @property
    def database(self) -> str:
        """The current database's name."""
        return self._state.database

    def describe_client(self, client: Client) -> None:
        """What the connection shows of its client, told once after the login."""
        self._state.client = client

    def run(self, request: Parameterized) -> Iterator[Outcome]:
        """Run a batch or a parameterised statement. Lazy: an outcome's work is done when it is asked for."""
        return self._batches.run(request)

    def bulk_load(self, rows: BulkRows) -> Iterator[Outcome]:
        """Store the rows that an INSERT BULK has announced, all or none. What `rows` raises takes them back."""
        return self._batches.bulk_load(rows)

    def fail(self, error: SqlServerError) -> Iterator[Outcome]:
        """What an error that no statement raised does to the session, as outcomes; raises it when it ends the batch."""
        return self._batches.fail(error)

    def begin(self, isolation: Isolation, name: str = "") -> None:
        """BEGIN TRANSACTION; nested calls only count."""
        self._batches.forget_bulk_load()
        self._transaction.begin(isolation, name)

    def commit(self) -> None:
        """COMMIT one level. Error 3902 without a transaction."""
        self._batches.forget_bulk_load()
        try:
            self._transaction.commit()
        except EngineError as error:
            self._transaction.abandon()
            raise server_error(error, Command.COMMIT, self._link) from error

    def rollback(self, name: str = "") -> None:
        """ROLLBACK everything, or to the savepoint `name`. Error 3903 without a transaction."""
        self._batches.forget_bulk_load()
        if name and self._transaction.rollback_to(name):
            return
        self._transaction.rollback(name)

    def save(self, name: str) -> None:
        """SAVE TRANSACTION. Error 628 without a transaction."""
        self._batches.forget_bulk_load()
        self._transaction.save(name)

    def reset(self) -> None:
        """Roll back, drop #tables, forget SET options (MS-TDS 2.2.3.1.2). The isolation level stays, as in SQL Server."""
        self._batches.forget_bulk_load()
        self._transaction.abandon()
        self._batches.application_locks.release_all()
        isolation = self._state.options.isolation
        self._state.options = Options(isolation=isolation)
        self._identity.forget()
        self._drop_temporary()

    def cancel(self) -> None:
        """Called from another thread: make the running statement stop soon, with the transaction kept."""
        self._batches.cancel()
        self._link.cancel()

    def close(self) -> None:
        """End the session: roll back what is open and free its resources. Never raises."""
        try:
            self._transaction.abandon()
            self._drop_temporary()
            # PostgreSQL takes its time to end a connection, and the login may be dropped from now on.
            self._link.run("SELECT pg_advisory_unlock_all()")
        except (EngineError, LostError, OSError, RuntimeError):
            # The connection is lost: the server has rolled back, and the next start of the engine clears #tables' rows.
            self._batches.cancel()
        finally:
            self._link.close()

    def _drop_temporary(self) -> None:
        answer = self._link.run("DELETE FROM sandbox.objects WHERE session = $1::int", (str(self._state.number),))
        if answer.row_count:
            self._link.script("DISCARD TEMP")
            self._catalog.changed()
