"""Inputs are claimed before they are begun and stored when they have ended, each by one execution at a time.

A claim is the input's row in state `running` with the execution's id. The primary key, and updates that name the state they
start from, let one of several win; whoever has lost sees what the winner has stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from etl import connect, here_and_now, retries
from etl.connect import Endpoint
from etl.errors import LedgerError
from etl.sweep import presence, store
from etl.sweep.function import Failed
from etl.sweep.inputs import Input
from etl.sweep.model import State, StoredInput, sweep_id
from etl.sweep.store import Ended, Standing

ATTEMPTS = 6
"""Of a transaction whose errors may pass, in about fifteen seconds."""
RACES = 200
"""That may be lost to others: who wins one has claimed an input of the task, and no task has more of them."""


@dataclass(frozen=True, slots=True)
class Todo:
    """An input that the sweep lacks."""

    input: Input
    seen: int = 0
    """How often it had been begun and ended when this execution looked: an end after more attempts is somebody's own."""
    deaths: int = 0
    """Of workers of this execution that held it."""


@dataclass(slots=True)
class Claimed:
    """What became of the claim on some inputs."""

    ours: list[Todo] = field(default_factory=list)
    ended: dict[str, State] = field(default_factory=dict)
    """Those that have ended meanwhile, by key."""
    held: list[Todo] = field(default_factory=list)
    """Those that another living execution has begun."""


class _Raced(Exception):
    """Another execution was faster; the transaction is of no use any more."""


@dataclass(frozen=True)
class Claims:
    """Of one execution of a sweep."""

    database: Endpoint
    name: str
    run_id: str
    function_hash: str | None

    def claim(self, wanted: Sequence[Todo]) -> Claimed:
        """Claim those that are free, in a transaction. Raises ConnectError and DatabaseError."""
        for _ in range(RACES):
            try:
                return retries.until_done(lambda: self._claim(wanted), ATTEMPTS)
            except _Raced:
                continue
        raise LedgerError(
            f"claiming inputs of the sweep {self.name} was forestalled {RACES} times", advice="Start it again."
        )

    def sort(self, opened: Session, wanted: Sequence[Todo]) -> tuple[Claimed, dict[str, Standing]]:
        """Which of them are free (as `ours`), ended, or held, and what is stored of them."""
        found = store.standings(opened, self.name, [todo.input.key for todo in wanted])
        alive: dict[str, bool] = {self.run_id: False}
        claimed = Claimed()
        for todo in wanted:
            standing = found.get(todo.input.key)
            if standing is None:
                claimed.ours.append(todo)
            elif standing.state == "running":
                if standing.run_id not in alive:
                    alive[standing.run_id] = presence.is_alive(self.database, standing.run_id)
                (claimed.held if alive[standing.run_id] else claimed.ours).append(todo)
            elif standing.attempt > todo.seen:
                claimed.ended[todo.input.key] = standing.state
            else:
                claimed.ours.append(todo)
        return claimed, found

    def _claim(self, wanted: Sequence[Todo]) -> Claimed:
        with store.session(self.database) as opened, connect.statement(f"claiming inputs of the sweep {self.name}"):
            claimed, found = self.sort(opened, wanted)
            values = self._claiming
            try:
                for todo in claimed.ours:
                    if todo.input.key in found:
                        self._take(opened, todo, found[todo.input.key], values)
                new = [todo.input for todo in claimed.ours if todo.input.key not in found]
                if new:
                    rows = [{"input_key": one.key, "input": one.text, "attempt": 1, **values} for one in new]
                    opened.execute(sa.insert(StoredInput), [{"sweep_id": self._sweep_id, **row} for row in rows])
            except sa.exc.IntegrityError as error:
                raise _Raced from error
            opened.commit()
        return claimed

    def _take(self, opened: Session, todo: Todo, standing: Standing, values: dict[str, Any]) -> None:
        """Claim one that has a row already, if that is still as it was."""
        as_it_was = sa.update(StoredInput).where(
            StoredInput.sweep_id == self._sweep_id,
            StoredInput.input_key == todo.input.key,
            StoredInput.state == standing.state,
            StoredInput.run_id == standing.run_id,
            StoredInput.attempt == standing.attempt,
        )
        changed = {**values, "attempt": standing.attempt + 1, "ended_at": None}
        if _rows(opened, as_it_was.values(**changed)) != 1:
            raise _Raced

    def finish(self, ended: Sequence[Ended]) -> list[Input]:
        """Store how inputs of ours have ended, in a transaction. Returns those that were not ours any more, untouched."""
        if not ended:
            return []
        return retries.until_done(lambda: self._finish(ended), ATTEMPTS)

    def _finish(self, ended: Sequence[Ended]) -> list[Input]:
        lost = []
        with store.session(self.database) as opened:
            for one in ended:
                with connect.statement(f"storing the result of {one.input} of the sweep {self.name}"):
                    if _rows(opened, self._ending(one)) != 1:
                        lost.append(one.input)
            with connect.statement(f"committing results of the sweep {self.name}"):
                opened.commit()
        return lost

    def _ending(self, one: Ended) -> sa.Update:
        failed = one.outcome if isinstance(one.outcome, Failed) else None
        ours = sa.update(StoredInput).where(
            StoredInput.sweep_id == self._sweep_id,
            StoredInput.input_key == one.input.key,
            StoredInput.state == "running",
            StoredInput.run_id == self.run_id,
        )
        return ours.values(
            state=one.state,
            result=None if isinstance(one.outcome, Failed) else one.outcome,
            error_kind=None if failed is None else failed.kind,
            error=None if failed is None else failed.message,
            seconds=one.seconds,
            worker=here_and_now.this_worker(),
            started_at=one.started_at,
            ended_at=one.ended_at,
        )

    @cached_property
    def _sweep_id(self) -> str:
        return sweep_id(self.name)

    @property
    def _claiming(self) -> dict[str, Any]:
        return {
            "state": "running",
            "run_id": self.run_id,
            "function_hash": self.function_hash,
            "worker": here_and_now.this_worker(),
            "started_at": here_and_now.now(),
        }


def _rows(opened: Session, statement: sa.Update) -> int:
    """How many rows the statement has changed."""
    result = opened.execute(statement, execution_options={"synchronize_session": False})
    assert isinstance(result, sa.CursorResult)
    return result.rowcount
