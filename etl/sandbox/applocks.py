"""sp_getapplock and sp_releaseapplock over PostgreSQL's advisory locks.

https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-getapplock-transact-sql. Two keys stand for a
resource: everybody holds the first, Exclusive alone; the second tells Update, which goes with Shared but not with itself.
The locks are held by the session; those that a transaction owns are given back when it ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.link import EngineError, Link
from etl.sandbox.outcomes import Command
from etl.sandbox.pgerrors import server_error
from etl.sandbox.state import SessionState
from etl.sandbox.transactions import Transaction

_MODES = {
    "shared": (("_shared", 0),),
    "update": (("_shared", 0), ("", 1)),
    "exclusive": (("", 0),),
}
"""For each lock mode the advisory locks it takes: the functions' suffix, and which of the resource's keys."""
_INTENT_MODES = frozenset({"intentshared", "intentexclusive"})
_LOCK_TIMEOUT, _DEADLOCK = "55P03", "40P01"


class Granted(IntEnum):
    """sp_getapplock's return values."""

    AT_ONCE = 0
    AFTER_WAITING = 1
    TIMED_OUT = -1
    DEADLOCK_VICTIM = -3
    WRONG_CALL = -999


@dataclass(frozen=True, slots=True)
class Resource:
    """What is locked, and who holds it: the transaction or the session."""

    database: str
    principal: str
    name: str
    of_transaction: bool

    @property
    def text(self) -> str:
        """What the keys are made of. Names are compared binary, whatever the collation."""
        return f"{self.database.lower()}\n{self.principal}\n{self.name}"


class ApplicationLocks:
    """The application locks of one session."""

    def __init__(self, link: Link, state: SessionState, transaction: Transaction) -> None:
        self._link = link
        self._state = state
        self._transaction = transaction
        self._held: dict[Resource, list[str]] = {}
        transaction.on_end(self._transaction_ended)

    def get(self, resource: Resource, mode: str, timeout_ms: int) -> Granted:
        """Take the lock; `timeout_ms` -1 waits for ever. Errors 1225 (no such mode) and 3908 (no transaction)."""
        steps = _MODES.get(mode.lower())
        if steps is None and mode.lower() in _INTENT_MODES:
            raise not_supported(f"the application lock mode {mode}")
        if steps is None:
            raise SqlServerError(1225, "An invalid application lock mode was passed to sp_getapplock.")
        if resource.of_transaction and not self._state.transactions:
            raise SqlServerError(
                3908, "The statement or function must be executed in the context of a user transaction."
            )
        outcome = Granted.AT_ONCE
        for done, (suffix, key) in enumerate(steps):
            step = self._take(resource, suffix, key, timeout_ms)
            if step < 0:
                self._give_back(resource, steps[:done])
                return step
            outcome = max(outcome, step)
        self._held.setdefault(resource, []).append(mode.lower())
        return outcome

    def release(self, resource: Resource) -> None:
        """Give back what one `get` took. Error 1223 where nothing is held."""
        modes = self._held.get(resource)
        if not modes:
            raise SqlServerError(
                1223,
                f"Cannot release the application lock (Database Principal: '{resource.principal}', Resource:"
                f" '{resource.name}') because it is not currently held.",
            )
        self._give_back(resource, _MODES[modes.pop()])
        if not modes:
            del self._held[resource]

    def release_all(self) -> None:
        """The connection is reset."""
        if self._held:
            self._held.clear()
            self._link.script("SELECT pg_advisory_unlock_all()")

    def _take(self, resource: Resource, suffix: str, key: int, timeout_ms: int) -> Granted:
        if self._ask(f"pg_try_advisory_lock{suffix}", resource, key):
            return Granted.AT_ONCE
        options = self._state.options
        outside, options.lock_timeout_ms = options.lock_timeout_ms, timeout_ms
        try:
            with self._transaction.statement():
                self._ask(f"pg_advisory_lock{suffix}", resource, key)
        except EngineError as error:
            if error.sqlstate == _LOCK_TIMEOUT:
                return Granted.TIMED_OUT
            if error.sqlstate == _DEADLOCK:
                return Granted.DEADLOCK_VICTIM
            raise server_error(error, Command.OTHER, self._link) from error
        finally:
            options.lock_timeout_ms = outside
        return Granted.AFTER_WAITING

    def _ask(self, function: str, resource: Resource, key: int) -> object:
        sql = f"SELECT {function}(hashtextextended($1::text, $2::int8))"
        return self._link.run(sql, (resource.text, str(key))).rows[0][0]

    def _give_back(self, resource: Resource, steps: tuple[tuple[str, int], ...]) -> None:
        for suffix, key in reversed(steps):
            self._ask(f"pg_advisory_unlock{suffix}", resource, key)

    def _transaction_ended(self) -> None:
        for resource in [resource for resource in self._held if resource.of_transaction]:
            for mode in self._held.pop(resource):
                self._give_back(resource, _MODES[mode])
