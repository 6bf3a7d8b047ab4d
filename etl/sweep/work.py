"""What a worker does: claims some inputs, calls the function on each, and has the results stored."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property

from etl import here_and_now
from etl.connect import Endpoint
from etl.sweep import function as functions
from etl.sweep.claims import Claims, Todo
from etl.sweep.function import Failed, Function
from etl.sweep.inputs import Input
from etl.sweep.model import State
from etl.sweep.store import Ended
from etl.sweep.storing import Storing

BOX_SEC = 2.0
"""After it a worker begins no other input of its task: the rest may be done by others."""


@dataclass(frozen=True, slots=True)
class Task:
    """Some inputs for one worker."""

    inputs: tuple[Todo, ...]


@dataclass(slots=True)
class Report:
    """What became of a task."""

    ended: dict[str, State] = field(default_factory=dict)
    """By the input's key."""
    failed: list[tuple[Input, Failed]] = field(default_factory=list)
    """Those that the function failed on."""
    held: list[Todo] = field(default_factory=list)
    """Those that another execution has begun."""
    left: list[Todo] = field(default_factory=list)
    """Those that there was no time for."""
    calls: int = 0
    """Of the function."""
    seconds: float = 0.0


@dataclass(frozen=True)
class SweepWork:
    """The function that the executor runs on every task. It travels to each worker once."""

    database: str = field(repr=False)
    """A URL, which may hold a password, or where one is kept."""
    name: str
    run_id: str
    function: str | Function
    function_hash: str | None

    def __call__(self, task: Task) -> Report:
        """Do a task. Raises ConnectError and DatabaseError; then what is not stored is still to be done."""
        started = time.monotonic()
        claimed = self.claims.claim(task.inputs)
        report = Report(ended=claimed.ended, held=claimed.held)
        with Storing(self.claims) as storing:
            for position, todo in enumerate(claimed.ours):
                if not storing.works or (position and time.monotonic() - started > BOX_SEC):
                    report.left = claimed.ours[position:]
                    break
                ended = self._call(todo)
                storing.add(ended)
                report.calls += 1
                report.ended[todo.input.key] = ended.state
                if isinstance(ended.outcome, Failed):
                    report.failed.append((todo.input, ended.outcome))
        for one in storing.lost:
            del report.ended[one.key]
            report.held.append(next(todo for todo in claimed.ours if todo.input.key == one.key))
        report.seconds = time.monotonic() - started
        return report

    @cached_property
    def claims(self) -> Claims:
        """This execution's claims; its connections are made in the process that uses them."""
        return Claims(Endpoint.of(self.database, "writer"), self.name, self.run_id, self.function_hash)

    @cached_property
    def _function(self) -> Function:
        return functions.find(self.function)

    def _call(self, todo: Todo) -> Ended:
        started, started_at = time.perf_counter(), here_and_now.now()
        outcome = functions.call(self._function, todo.input.value)
        return Ended(todo.input, outcome, time.perf_counter() - started, started_at, here_and_now.now())
