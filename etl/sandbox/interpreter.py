"""T-SQL run on the engine: one client's session, as the protocol sees it (`outcomes.Interpreter`)."""

from __future__ import annotations

from collections.abc import Iterator

from etl.sandbox.batch_runner import BatchRunner
from etl.sandbox.catalog import Catalog
from etl.sandbox.identity import LastIdentity
from etl.sandbox.link import EngineError, Link
from etl.sandbox.outcomes import Command, Isolation, Outcome, Parameterized
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

    def describe_client(self, host: str, application: str) -> None:
        """What the client said of itself at login: HOST_NAME() and APP_NAME()."""
        self._state.host, self._state.application = host, application

    def run(self, request: Parameterized) -> Iterator[Outcome]:
        """Run a batch or a parameterised statement. Lazy: an outcome's work is done when it is asked for."""
        return self._batches.run(request)

    def begin(self, isolation: Isolation, name: str = "") -> None:  # noqa: ARG002 - a transaction's name says nothing
        """BEGIN TRANSACTION; nested calls only count."""
        self._transaction.begin(isolation)

    def commit(self) -> None:
        """COMMIT one level. Error 3902 without a transaction."""
        try:
            self._transaction.commit()
        except EngineError as error:
            self._transaction.abandon()
            raise server_error(error, Command.COMMIT, self._link) from error

    def rollback(self, name: str = "") -> None:
        """ROLLBACK everything, or to the savepoint `name`. Error 3903 without a transaction."""
        if name and self._transaction.rollback_to(name):
            return
        self._transaction.rollback()

    def save(self, name: str) -> None:
        """SAVE TRANSACTION. Error 628 without a transaction."""
        self._transaction.save(name)

    def reset(self) -> None:
        """Roll back, drop #tables, forget SET options (MS-TDS 2.2.3.1.2). The isolation level stays, as in SQL Server."""
        self._transaction.abandon()
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
        except (EngineError, OSError, RuntimeError):
            # The connection is lost: the server has rolled back, and the next start of the engine clears #tables' rows.
            self._batches.cancel()
        finally:
            self._link.close()

    def _drop_temporary(self) -> None:
        answer = self._link.run("DELETE FROM sandbox.objects WHERE session = $1::int", (str(self._state.number),))
        if answer.row_count:
            self._link.script("DISCARD TEMP")
            self._catalog.changed()
