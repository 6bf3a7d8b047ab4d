"""Run a job: prepare → move chunks → finish → check. `run` is all of it; the stages are for those who schedule them apart."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from etl import connect, executors, ledger, limits, load, pool, retries, spool
from etl import prepare as preparation
from etl.bad_rows import rejects
from etl.check import check
from etl.errors import ChunkFailed, EtlError, Interrupted, LedgerError, WorkerDied
from etl.job import Job
from etl.limits import MachineUse
from etl.plan import Chunk
from etl.prepare import Prepared
from etl.result import ChunkResult, RunResult
from etl.retries import Retries
from etl.worker import Attempt, ChunkWork


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands after a chunk."""

    chunk: ChunkResult
    chunks_done: int
    chunks_planned: int
    rows_done: int
    rows_planned: int
    seconds: float


class Listener:
    """What a run tells while it goes on; override what is wanted."""

    def started(self, prepared: Prepared) -> None:
        """The run is planned, or taken up again."""

    def chunk_done(self, progress: Progress) -> None:
        """A chunk is committed."""

    def stopping(self, message: str) -> None:
        """The run was interrupted and lets its running chunks end."""

    def retried(self, message: str) -> None:
        """A chunk failed with what may pass, or its worker died, and it is tried again."""


def run(job: Job, *, new_run: bool = False, run_key: str | None = None, listener: Listener | None = None) -> RunResult:
    """Run the job to its end, resuming its last run where that is unfinished (unless `new_run`).

    `run_key` is a scheduler's name for this run: called again with it, the same ledger run goes on. Raises the errors of
    `etl.errors`; whatever is raised, the target holds exactly the committed chunks.
    """
    with ExitStack() as opened:
        try:
            opened.enter_context(executors.opened_for(job))
            prepared = preparation.prepare(job, new_run=new_run, run_key=run_key)
        except KeyboardInterrupt as error:
            raise Interrupted(
                f"stopped while planning the copy to {job.target_table}",
                state="No rows were moved.",
                advice="Start the job again.",
            ) from error
        return _complete(prepared, listener)


def resume(job: Job, stored: ledger.Run, *, listener: Listener | None = None) -> RunResult:
    """Go on with a run of the ledger. Raises LedgerError when the job is another one than the run's, else as `run`."""
    if job.hash() != stored.job_hash:
        raise LedgerError(
            f"run {stored.run_id} copied other data: its job is not this one",
            advice="Give the same source and target that the run was started with.",
        )
    with executors.opened_for(job):
        executors.examine(job)
        return _complete(preparation.resume(job, stored), listener)


def _complete(prepared: Prepared, listener: Listener | None) -> RunResult:
    result = execute(prepared, listener)
    # The run is done: an error of this would tell its user to start again what is there already.
    notes = retries.until_done(lambda: check(prepared, result), prepared.job.chunk_attempts)
    return replace(result, notes=[*result.notes, *notes])


def execute(prepared: Prepared, listener: Listener | None = None) -> RunResult:
    """Move the chunks that the run lacks, then finish it: mark it done, and in mode replace swap the new table in."""
    listener = listener or Listener()
    listener.started(prepared)
    started = time.perf_counter()
    results = list(prepared.sealed)
    if prepared.finished:
        return _result(prepared, results, [], 0.0)
    usage = MachineUse()
    with _run_state(prepared, results):
        moved = _move(prepared, results, listener, started)
    busy_cores = usage.busy_cores
    retries.until_done(lambda: _finish(prepared), prepared.job.chunk_attempts)
    seconds = time.perf_counter() - started
    # What the cores of this machine do says nothing of a cluster's.
    limit = "" if prepared.job.runs_elsewhere else limits.limit(moved, seconds, busy_cores)
    return replace(_result(prepared, results, moved, seconds), limit=limit)


def _move(prepared: Prepared, results: list[ChunkResult], listener: Listener, started: float) -> list[ChunkResult]:
    """Run the missing chunks; append to `results` as they commit. After a failure the running chunks end, then it is raised."""
    policy = Retries(prepared.job, prepared.writers)
    attempts = deque(Attempt(chunk, writers=policy.writers) for chunk in prepared.missing)
    moved: list[ChunkResult] = []
    failure: EtlError | None = None
    # An interruption here, and not in there, ends the workers too before it goes on.
    with closing(_outcomes(prepared, attempts, listener)) as outcomes:
        for outcome in outcomes:
            again = None if outcome.error is None or failure is not None else policy.again(outcome.task, outcome.error)
            if again is not None:
                following, told = again
                listener.retried(told)
                attempts.append(following)
            elif outcome.error is not None:
                failure = failure or _located(outcome.error, prepared, outcome.task.chunk)
                attempts.clear()
            else:
                assert outcome.result is not None
                results.append(outcome.result)
                moved.append(outcome.result)
                listener.chunk_done(_progress(prepared, results, time.perf_counter() - started))
                if _too_many_rejects(prepared, results) is not None:
                    attempts.clear()
    failure = failure or _too_many_rejects(prepared, results)
    if failure is not None:
        raise failure
    return moved


def _too_many_rejects(prepared: Prepared, results: list[ChunkResult]) -> EtlError | None:
    """Chunks that are written side by side do not see each other's rejects."""
    limit = rejects.limit_of(prepared.job, prepared.plan.rows_planned)
    return rejects.too_many(prepared.run_id, sum(result.rows_rejected for result in results), limit)


def _outcomes(
    prepared: Prepared, attempts: deque[Attempt], listener: Listener
) -> Generator[pool.Outcome[Attempt, ChunkResult]]:
    job = prepared.job

    def stopping(running: int) -> None:
        chunks = f"{running} chunk{'s' if running > 1 else ''}"
        listener.stopping(f"stopping: {chunks} may end within {pool.STOP_SEC:.0f} s; interrupt again to stop at once")

    with executors.opened_for(job) as runner, runner.slots(prepared.writers) as slots:
        work = ChunkWork(runner.travelling(job), prepared.plan, prepared.run_id, prepared.table, slots)
        yield from runner.run(work, attempts, stopping)


@contextmanager
def _run_state(prepared: Prepared, results: list[ChunkResult]) -> Iterator[None]:
    """Mark the run as failed when it does not get to its end, and say in the error what is committed."""
    try:
        yield
    except BaseException as error:
        committed = _committed(prepared, results)
        _mark_failed(prepared, error)
        if isinstance(error, KeyboardInterrupt):
            raise Interrupted(
                f"stopped while copying to {prepared.job.target_table}", state=committed, advice=_resume(prepared)
            ) from error
        if isinstance(error, EtlError):
            error.state = committed
            error.advice = " ".join(part for part in (error.advice, _resume(prepared)) if part)
        # What is neither is a scheduler's own, as Prefect's for a flow run that is cancelled or overdue, or a bug.
        raise


def _mark_failed(prepared: Prepared, cause: BaseException) -> None:
    try:
        with prepared.job.target_endpoint.connect() as connection:
            ledger.end_run(connection, prepared.run_id, "failed")
            connection.commit()
    except EtlError:
        # The first error is the one to report; an unfinished run is resumed whatever its state says.
        cause.add_note(f"and run {prepared.run_id} could not be marked as failed")


def _committed(prepared: Prepared, results: list[ChunkResult]) -> str:
    rows = sum(result.rows_written for result in results)
    return (
        f"{len(results)} of {len(prepared.plan.chunks)} chunks ({rows:,} rows) of run {prepared.run_id} are committed."
    )


def _resume(prepared: Prepared) -> str:
    return f"Go on with `etl resume {prepared.run_id}`, or start the job again."


def _located(error: Exception, prepared: Prepared, chunk: Chunk) -> EtlError:
    """The error with the chunk it happened in. Errors of ours keep their kind, hence their exit code."""
    where = f"{chunk} of {prepared.job.source_name}"
    if isinstance(error, WorkerDied):
        return WorkerDied(f"{where} failed: {error.message}", advice=error.advice, chunk_no=chunk.number)
    if isinstance(error, EtlError):
        error.message = f"{where} failed: {error.message}"
        return error
    failed = ChunkFailed(f"{where} failed: {type(error).__name__}: {error}", chunk_no=chunk.number)
    failed.__cause__ = error
    return failed


def _finish(prepared: Prepared) -> None:
    job = prepared.job
    with job.target_endpoint.connect() as connection:
        # Of two processes on the same run, the second waits here until the first has swapped, and leaves it at that.
        ended = ledger.end_run(connection, prepared.run_id, "done")
        if ended and job.mode == "replace":
            load.swap(connection, prepared.table, job.target_name)
        with connect.statement(f"finishing run {prepared.run_id}"):
            connection.commit()
    if prepared.plan.spool is not None:
        spool.remove(Path(prepared.plan.spool))


def _progress(prepared: Prepared, results: list[ChunkResult], seconds: float) -> Progress:
    return Progress(
        chunk=results[-1],
        chunks_done=len(results),
        chunks_planned=len(prepared.plan.chunks),
        rows_done=sum(result.rows_read for result in results),
        rows_planned=prepared.plan.rows_planned,
        seconds=seconds,
    )


def _result(prepared: Prepared, results: list[ChunkResult], moved: list[ChunkResult], seconds: float) -> RunResult:
    return RunResult(
        run_id=prepared.run_id,
        target_table=str(prepared.job.target_name),
        mode=prepared.job.mode,
        resumed=prepared.resumed,
        chunks=sorted(results, key=lambda result: result.chunk_no),
        rows_read=sum(result.rows_read for result in results),
        rows_written=sum(result.rows_written for result in results),
        rows_moved=sum(result.rows_written for result in moved),
        rows_rejected=sum(result.rows_rejected for result in results),
        seconds=seconds,
    )
