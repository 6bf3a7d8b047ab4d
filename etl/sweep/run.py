"""Run a sweep: whatever of its inputs has no result yet, on an executor, until all have ended."""

from __future__ import annotations

import secrets
import time
from collections import Counter, deque
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import replace

from etl import here_and_now, pool, retries
from etl.connect import Endpoint
from etl.errors import EtlError, InputsFailed, Interrupted, WorkerDied
from etl.executors import Runner
from etl.sweep import function as functions
from etl.sweep import inputs, presence, store, workers
from etl.sweep.claims import ATTEMPTS, Claims, Todo
from etl.sweep.events import SweepListener, SweepProgress, SweepResult, SweepStart
from etl.sweep.function import Failed
from etl.sweep.inputs import Input
from etl.sweep.model import State
from etl.sweep.pace import Pace
from etl.sweep.store import Ended, Standing
from etl.sweep.sweep import Sweep
from etl.sweep.work import Report, SweepWork, Task

MAX_DEATHS = 3
"""How often an input is tried whose worker process dies: once may be an accident, three times is its own doing."""
MAX_DEATHS_IN_A_ROW = 12
"""Without an input that ended between them: then it is no input's doing."""
POLL_SEC = 0.5
"""Between two looks at what another execution has begun."""


def run_sweep(sweep: Sweep, *, listener: SweepListener | None = None) -> SweepResult:
    """Run the function on every input that has no result yet, and store each result as it comes.

    Inputs that failed before are tried again. Several executions of a sweep may run at once, on one machine or, on SQL Server,
    on many: each input is run by one of them. Raises InputsFailed at the end where inputs failed, JobError for a function or
    inputs that do not fit, Interrupted, and the errors of the database; whatever is raised, results that came are stored.
    """
    return _Execution(sweep, listener or SweepListener()).run()


class _Execution:
    def __init__(self, sweep: Sweep, listener: SweepListener) -> None:
        self.sweep = sweep
        self.listener = listener
        self.inputs = inputs.unique(sweep.inputs)
        function = functions.find(sweep.function)
        self.reference = functions.reference(sweep.function)
        self.database = Endpoint.of(sweep.database, "writer")
        self.work = SweepWork(
            sweep.database, sweep.name, secrets.token_hex(8), sweep.function, functions.source_hash(function)
        )
        self.claims = Claims(self.database, sweep.name, self.work.run_id, self.work.function_hash)
        self.states: dict[str, State] = {}
        """Of the inputs that have ended."""
        self.counts: Counter[State] = Counter()
        """Of these."""
        self.waiting: deque[Todo] = deque()
        """Those that no task has."""
        self.held: list[Todo] = []
        """Those that another execution has begun."""
        self.pace = Pace(sweep.workers)
        self.looked = False
        """Whether it is known which inputs have a result."""
        self.ran = 0
        self.deaths_in_a_row = 0
        self.started = time.monotonic()

    def run(self) -> SweepResult:
        try:
            with workers.examined(self.sweep):
                store.create_tables(self.database)
                store.enter(self.database, self.sweep.name, self.reference)
                with presence.shown(self.database, self.work.run_id):
                    self._look()
                    self._run_all()
        except KeyboardInterrupt as error:
            raise Interrupted(
                f"the sweep {self.sweep.name} was stopped", state=self._state, advice=self._go_on
            ) from error
        except EtlError as error:
            error.state = error.state or self._state
            raise
        seconds = time.monotonic() - self.started
        failed = self.counts["failed"]
        if failed:
            raise InputsFailed(
                f"{failed:,} of {len(self.inputs):,} inputs of the sweep {self.sweep.name} failed",
                state=f"{self.counts['done']:,} have a result.",
                advice=f"See why with `etl sweep show {self.sweep.name}`; the same command tries only them again.",
                failed=failed,
            )
        return SweepResult(self.sweep.name, len(self.inputs), self.ran, seconds)

    def _look(self) -> None:
        """Find out what there is to do."""
        with store.reading(self.database) as opened:
            stored = store.standings(opened, self.sweep.name)
        self.looked = True
        stale = failed = 0
        for one in self.inputs:
            standing = stored.get(one.key)
            if standing is not None and standing.state == "done":
                is_stale = standing.function_hash != self.work.function_hash
                stale += is_stale
                if not (is_stale and self.sweep.again):
                    self._book({one.key: "done"})
                    continue
            failed += standing is not None and standing.state == "failed"
            self.waiting.append(_todo(one, standing))
        self.listener.started(
            SweepStart(
                self.sweep.name,
                self.reference,
                self.database.label,
                inputs=len(self.inputs),
                done=len(self.states),
                failed=failed,
                stale=stale,
                again=self.sweep.again,
            )
        )

    def _run_all(self) -> None:
        told = False
        while self.waiting or self.held:
            if self.waiting:
                with workers.opened(self.sweep) as (runner, database):
                    self._run_waiting(runner, replace(self.work, database=database))
            elif not told:
                self.listener.warned(f"waiting for {len(self.held):,} inputs that another execution has begun")
                told = True
            if self.held:
                self._look_at_held()

    def _look_at_held(self) -> None:
        """What others have begun may have ended, or they have."""
        time.sleep(POLL_SEC)
        held, self.held = self.held, []

        def look() -> None:
            with store.reading(self.database) as opened:
                claimed, _ = self.claims.sort(opened, held)
            self._book(claimed.ended)
            self.held = claimed.held
            self.waiting.extend(claimed.ours)

        retries.until_done(look, ATTEMPTS)

    def _run_waiting(self, runner: Runner, work: SweepWork) -> None:
        tasks: deque[Task] = deque()
        self._fill(tasks, self.sweep.workers * 2)
        failure: EtlError | None = None
        # An interruption here, and not in there, ends the workers too before it goes on.
        with closing(self._outcomes(runner, work, tasks)) as outcomes:
            for outcome in outcomes:
                try:
                    self._take(outcome)
                except EtlError as error:
                    failure = failure or error
                if failure is None:
                    self._fill(tasks, self.sweep.workers)
                else:
                    tasks.clear()
        if failure is not None:
            raise failure

    def _outcomes(self, runner: Runner, work: SweepWork, tasks: deque[Task]) -> Generator[pool.Outcome[Task, Report]]:
        def stopping(running: int) -> None:
            busy = f"{running} worker{'s' if running > 1 else ''}"
            self.listener.warned(
                f"stopping: the inputs that {busy} have begun may end within {pool.STOP_SEC:.0f} s; "
                "interrupt again to stop at once"
            )

        yield from runner.run(work, tasks, stopping)

    def _fill(self, tasks: deque[Task], most: int) -> None:
        """Keep some tasks ready, so that no worker waits for its next one."""
        while self.waiting and len(tasks) < most:
            # One whose worker has died goes alone: so it is known whose doing it was, and costs the others nothing.
            if self.waiting[0].deaths:
                tasks.append(Task((self.waiting.popleft(),)))
                continue
            some: list[Todo] = []
            size = self.pace.inputs(len(self.waiting))
            while self.waiting and len(some) < size and not self.waiting[0].deaths:
                some.append(self.waiting.popleft())
            tasks.append(Task(tuple(some)))

    def _take(self, outcome: pool.Outcome[Task, Report]) -> None:
        """Book what became of a task. Raises what ends the sweep."""
        if isinstance(outcome.error, WorkerDied):
            self._bury(outcome.task, outcome.error)
            return
        if outcome.error is not None:
            raise _own(outcome.error, self.sweep.name)
        report = outcome.result
        assert report is not None
        self.deaths_in_a_row = 0
        self.pace.learn(report.calls, report.seconds)
        self.ran += report.calls
        self._book(report.ended)
        self.held.extend(report.held)
        self.waiting.extendleft(reversed(report.left))
        for failed_input, failed in report.failed:
            self.listener.failed(failed_input, failed)
        self._tell()

    def _bury(self, task: Task, death: WorkerDied) -> None:
        self.deaths_in_a_row += 1
        if self.deaths_in_a_row > MAX_DEATHS_IN_A_ROW:
            raise WorkerDied(
                f"{self.deaths_in_a_row} workers of the sweep {self.sweep.name} died one after the other: {death.message}",
                advice=f"Out of memory is the usual reason: try fewer workers. {self._go_on}",
            )
        dead = [replace(todo, deaths=todo.deaths + 1) for todo in task.inputs]
        self.waiting.extendleft(todo for todo in dead if todo.deaths < MAX_DEATHS)
        for todo in dead:
            if todo.deaths < MAX_DEATHS:
                continue
            failed = Failed(WorkerDied.__name__, f"{death.message}, as did {MAX_DEATHS - 1} before on this input")
            self._store_failed(todo, failed)
        self.listener.warned(f"{_named(task)}: {death.message}")

    def _store_failed(self, todo: Todo, failed: Failed) -> None:
        """Store an end that no worker has lived to store."""
        now = here_and_now.now()
        end = Ended(todo.input, failed, 0.0, now, now)
        if self.claims.finish(
            [end]
        ):  # not ours: the last worker died before it had claimed it, or after it had stored it
            claimed = self.claims.claim([todo])
            self.held.extend(claimed.held)
            self._book(claimed.ended)
            if not claimed.ours:
                return
            self.claims.finish([end])
        self._book({todo.input.key: end.state})
        self.listener.failed(todo.input, failed)
        self._tell()

    def _tell(self) -> None:
        seconds = time.monotonic() - self.started
        done, failed = self.counts["done"], self.counts["failed"]
        self.listener.progressed(SweepProgress(len(self.inputs), done, failed, self.ran, seconds))

    def _book(self, ended: Mapping[str, State]) -> None:
        for key, state in ended.items():
            if key in self.states:
                self.counts[self.states[key]] -= 1
            self.states[key] = state
            self.counts[state] += 1

    @property
    def _state(self) -> str:
        if not self.looked:
            return ""
        return f"{self.counts['done']:,} of {len(self.inputs):,} inputs have a result in {self.database.label}."

    @property
    def _go_on(self) -> str:
        return "The same command goes on with the others."


def _todo(one: Input, standing: Standing | None) -> Todo:
    if standing is None:
        return Todo(one)
    # The attempt that another execution is at has not been seen to its end.
    return Todo(one, standing.attempt - (standing.state == "running"))


def _named(task: Task) -> str:
    first = str(task.inputs[0].input)
    others = len(task.inputs) - 1
    return f"{first} and {others} others" if others else first


def _own(error: Exception, name: str) -> EtlError:
    if isinstance(error, EtlError):
        return error
    failed = EtlError(f"the sweep {name} failed: {type(error).__name__}: {error}")
    failed.__cause__ = error
    return failed
