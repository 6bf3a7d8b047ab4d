"""One session's transaction on the engine: T-SQL's counts and savepoints over PostgreSQL's.

PostgreSQL's BEGIN waits for the first statement. Inside a transaction every statement has a savepoint, because in SQL Server
an error takes back its own statement only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from etl.sandbox.catalog import Catalog
from etl.sandbox.errors import SqlServerError
from etl.sandbox.link import Link
from etl.sandbox.outcomes import Isolation
from etl.sandbox.state import SessionState
from etl.sandbox.translation.expression import quote

_LEVELS = {
    Isolation.READ_UNCOMMITTED: "READ COMMITTED",
    Isolation.READ_COMMITTED: "READ COMMITTED",
    Isolation.REPEATABLE_READ: "READ COMMITTED",
    Isolation.SNAPSHOT: "REPEATABLE READ",
    Isolation.SERIALIZABLE: "READ COMMITTED",
}
_HOLDING = {Isolation.REPEATABLE_READ, Isolation.SERIALIZABLE}
"""Levels under which what is read stays locked, as in SQL Server: others wait for it. PostgreSQL's own levels of these names
do not wait but refuse one of two transactions at their end."""


class Transaction:
    """The open transaction, if any."""

    def __init__(self, link: Link, catalog: Catalog, state: SessionState) -> None:
        self._link = link
        self._catalog = catalog
        self._state = state
        self._begun = False
        self._level = Isolation.READ_COMMITTED
        self._name = ""
        self._when_ended: list[Callable[[], None]] = []
        self._savepoints: list[str] = []
        self._schema_changed = False
        self._began_at = catalog.version
        self._lock_timeout: int | None = -1

    def on_end(self, action: Callable[[], None]) -> None:
        """Do this too whenever a transaction ends, and the connection lives."""
        self._when_ended.append(action)

    def _ended(self) -> None:
        if not self._link.broken:
            for action in self._when_ended:
                action()

    def begin(self, isolation: Isolation, name: str = "") -> bool:
        """Count one more; True when this was the outermost, whose name alone means something."""
        if isolation is not Isolation.CURRENT:
            self._state.options.isolation = isolation
        self._state.transactions += 1
        if self._state.transactions > 1:
            return False
        self._level = self._state.options.isolation
        self._name = name
        self._savepoints = []
        return True

    def commit(self) -> bool:
        """Count one less; True when the outermost is committed. Error 3902 without one."""
        if not self._state.transactions:
            raise SqlServerError(3902, "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.")
        if self._state.transactions > 1:
            self._state.transactions -= 1
            return False
        self._state.transactions = 0
        if self._begun:
            self._begun = False
            self._link.script("COMMIT")
        self._publish()
        self._leave_snapshot()
        self._ended()
        return True

    def rollback(self, name: str = "") -> None:
        """Take everything back. Errors 3903 without a transaction, 6401 for a name other than the outermost one's."""
        if not self._state.transactions:
            raise SqlServerError(3903, "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION.")
        if name and name != self._name:
            raise SqlServerError(6401, f"Cannot roll back {name}. No transaction or savepoint of that name was found.")
        self.abandon()

    def abandon(self) -> None:
        """Take everything back, if there is anything."""
        self._state.transactions = 0
        if self._begun:
            self._begun = False
            self._lock_timeout = None
            self._link.script("ROLLBACK")
        if self._schema_changed:
            self._schema_changed = False
            self._catalog.changed()
        self._leave_snapshot()
        self._ended()

    def save(self, name: str) -> None:
        """SAVE TRANSACTION. Error 628 without a transaction."""
        if not self._state.transactions:
            raise SqlServerError(628, "Cannot issue SAVE TRANSACTION when there is no active transaction.")
        self._start()
        self._link.script(f"SAVEPOINT {_savepoint(name)}")
        self._savepoints.append(name)

    def rollback_to(self, name: str) -> bool:
        """Back to a savepoint; False when there is none of that name."""
        if not self._state.transactions or name not in self._savepoints:
            return False
        # SQL Server goes back to the newest savepoint of the name and keeps it; so does PostgreSQL.
        while self._savepoints[-1] != name:
            self._savepoints.pop()
        self._lock_timeout = None
        self._link.script(f"ROLLBACK TO SAVEPOINT {_savepoint(name)}")
        if self._schema_changed:
            self._catalog.changed()
        return True

    @property
    def isolation(self) -> Isolation:
        """The open transaction's level."""
        return self._level

    def check_isolation(self) -> None:
        """Error 3951 for a change to SNAPSHOT inside a transaction that began otherwise."""
        wanted = self._state.options.isolation
        if self._state.transactions and wanted is Isolation.SNAPSHOT and self._level is not Isolation.SNAPSHOT:
            raise SqlServerError(
                3951,
                f"Transaction failed in database '{self._state.database}' because the statement was run under snapshot"
                " isolation but the transaction did not start in snapshot isolation. You cannot change the isolation"
                " level of the transaction to snapshot after the transaction has started unless the transaction was"
                " originally started under snapshot isolation level.",
                ends_batch=True,
                dooms_transaction=True,
            )

    def schema_changed(self) -> None:
        """A definition was carried out: others shall see it once it is committed."""
        self._schema_changed = True
        if not self._state.transactions and not self._begun:
            self._publish()

    @contextmanager
    def statement(self, *, whole: bool = False, locks: Sequence[str] = (), held: Sequence[str] = ()) -> Iterator[None]:
        """Around one statement: it works wholly or not at all. `whole` for one that takes several steps in PostgreSQL.

        `locks` are taken before, and `held` too under REPEATABLE READ and SERIALIZABLE. Raises `EngineError` where one of them
        is not to be had.
        """
        self.check_isolation()
        self._apply_lock_timeout()
        wanted = [*locks, *held] if self._state.options.isolation in _HOLDING else locks
        if self._state.transactions:
            self._start()
            with self._guarded(), self._link.interruptible():
                self._lock(wanted)
                yield
        elif whole or wanted:
            with self._alone(), self._link.interruptible():
                self._lock(wanted)
                yield
        else:
            with self._link.interruptible():
                yield

    def _lock(self, statements: Sequence[str]) -> None:
        for statement in statements:
            self._link.script(statement)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        self._link.script("SAVEPOINT statement")
        try:
            yield
        except BaseException:
            if not self._link.broken:
                self._lock_timeout = None
                self._link.script("ROLLBACK TO SAVEPOINT statement; RELEASE SAVEPOINT statement")
                if self._schema_changed:
                    self._catalog.changed()
            raise
        self._link.script("RELEASE SAVEPOINT statement")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._link.script("BEGIN")
        self._begun = True
        try:
            yield
            self._begun = False
            self._link.script("COMMIT")
        except BaseException:
            self._begun = False
            self._lock_timeout = None
            if not self._link.broken:
                self._link.script("ROLLBACK")
            self._catalog.changed()
            self._schema_changed = False
            raise
        self._publish()

    def _leave_snapshot(self) -> None:
        """What was looked up in a snapshot of the catalog may be older than a change that others have committed since."""
        if self._began_at[0] != self._catalog.version[0]:
            self._began_at = self._catalog.version
            self._catalog.changed()

    def _start(self) -> None:
        if not self._begun:
            self._began_at = self._catalog.version
            self._link.script(f"BEGIN ISOLATION LEVEL {_LEVELS[self._level]}")
            self._begun = True

    def _apply_lock_timeout(self) -> None:
        wanted = self._state.options.lock_timeout_ms
        if wanted == self._lock_timeout:
            return
        # 0 means "do not wait" in SQL Server and "wait for ever" in PostgreSQL.
        self._link.script(f"SET lock_timeout = {0 if wanted < 0 else max(wanted, 1)}")
        self._lock_timeout = wanted

    def _publish(self) -> None:
        if self._schema_changed:
            self._schema_changed = False
            self._catalog.committed()


def _savepoint(name: str) -> str:
    return quote("save_" + name[:32])
