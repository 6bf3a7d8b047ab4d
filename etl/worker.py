"""One chunk's way: extract → transform → load, on connections of its own, its rows and its ledger row in one transaction."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import pyarrow as pa
from sqlalchemy.engine import Connection

from etl import connect, extract, here_and_now, ledger, lineage, spool
from etl.bad_rows import rejects
from etl.bad_rows.placing import Placer, Target, Way
from etl.bad_rows.sift import Sieve
from etl.bad_rows.tally import Output, Tally
from etl.connect import Endpoint
from etl.errors import LedgerError, SpoolGone
from etl.job import Job
from etl.plan import Chunk, Plan, range_condition
from etl.profile import Profiles, profile
from etl.result import ChunkResult
from etl.selection import select_table
from etl.statements import TableName
from etl.stopwatch import Stopwatch
from etl.writer_slots import Slots


@dataclass(frozen=True, slots=True)
class Attempt:
    """A chunk that is to be done, for the how-manieth time."""

    chunk: Chunk
    number: int = 1
    writers: int = 1
    """How many chunks may be written at once."""
    delay_sec: float = 0.0
    """To wait before it: what went wrong may take its time to pass."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """A chunk whose turn to be written has come."""

    rows: pa.Table
    """As they were read."""
    output: pa.Table
    tally: Tally
    started_at: dt.datetime
    watch: Stopwatch
    extract_sec: float
    transform_sec: float
    wait_sec: float


@dataclass(frozen=True)
class ChunkWork:
    """The function that the executor runs on every chunk. It travels to each worker once."""

    job: Job
    plan: Plan
    run_id: str
    table: TableName
    """Where rows go: the target, or in mode replace the staging table."""
    slots: Slots

    def __call__(self, attempt: Attempt) -> ChunkResult:
        """Do one chunk. Raises what its stages raise; then nothing of it is committed."""
        time.sleep(attempt.delay_sec)
        watch, started_at = Stopwatch(), here_and_now.now()
        number = attempt.chunk.number
        done = self._sealed(number) if attempt.number > 1 else None
        if done is not None:  # The link was lost after the server had the COMMIT.
            return done
        try:
            rows = self._extract(attempt.chunk)
        except SpoolGone:
            # Another process on the same run may have finished it, and tidied up.
            done = self._sealed(number)
            if done is None:
                raise
            return done
        extract_sec = watch.lap()
        tally = Tally(rows, self.plan.key, self._most_rejects)
        output = self._transform(rows, number, tally)
        transform_sec = watch.lap()
        with self.slots.one_of(attempt.writers):
            ready = _Ready(rows, output, tally, started_at, watch, extract_sec, transform_sec, watch.lap())
            try:
                return self._placer.place(output, tally, partial(self._transact, attempt, ready))
            except ledger.ChunkTaken:
                return self._already_done(number)

    def _transact(self, attempt: Attempt, ready: _Ready, way: Way) -> ChunkResult:
        """The chunk's one transaction, on a connection of its own: claim, rows, rejects, seal."""
        number, watch = attempt.chunk.number, ready.watch
        with self.target.connect() as connection:
            way.prepare(connection)
            claim = partial(ledger.claim, connection, self.run_id, number, attempt.number, ready.started_at)
            written = way.write(connection, claim)
            if len(ready.tally):
                ready.tally.require_room_beside(rejects.committed(connection, self.run_id))
                rejects.store(connection, ready.tally.as_rejects(self.run_id, number))
            result = ChunkResult(
                chunk_no=number,
                rows_read=ready.rows.num_rows,
                rows_written=written,
                rows_rejected=len(ready.tally),
                attempt=attempt.number,
                worker=here_and_now.this_worker(),
                seconds=watch.seconds,
                extract_sec=ready.extract_sec,
                transform_sec=ready.transform_sec,
                wait_sec=ready.wait_sec,
                load_sec=watch.lap(),
                cpu_sec=watch.cpu_sec,
                route=self.plan.route.way,
                started_at=ready.started_at,
                ended_at=here_and_now.now(),
            )
            self._commit(connection, result, self._profiles(ready.rows, ready.tally.kept(ready.output)))
        return result

    @cached_property
    def source(self) -> Endpoint:
        """Where rows come from; its engine is made in the process that uses it."""
        return self.job.source_endpoint

    @cached_property
    def target(self) -> Endpoint:
        """Where rows and the ledger go."""
        return self.job.target_endpoint

    @cached_property
    def _sieve(self) -> Sieve:
        schema = self.plan.output_schema
        job = self.job
        return Sieve(
            job.transform, job.row_schema, job.frame_dtypes, lineage.without(schema) if job.lineage else schema
        )

    @cached_property
    def _placer(self) -> Placer:
        return Placer(self.target, Target(self.table, self.plan.target_columns, self.plan.route))

    @property
    def _most_rejects(self) -> int | None:
        return rejects.limit_of(self.job, self.plan.rows_planned)

    def _extract(self, chunk: Chunk) -> pa.Table:
        if chunk.kind == "spool":
            assert self.plan.spool is not None
            return spool.read(chunk, Path(self.plan.spool))
        assert self.job.source_table is not None
        dialect, columns = self.source.dialect, self.plan.source_columns
        key = next(column for column in columns if column.name == self.plan.key)
        rows = range_condition(dialect, key, chunk) & self.plan.new_rows(dialect)
        table = TableName.parse(self.job.source_table)
        return extract.read_table(self.source, select_table(dialect, table, columns, rows))

    def _transform(self, rows: pa.Table, number: int, tally: Tally) -> pa.Table:
        sifted = self._sieve.sift(rows, tally)
        output = sifted.output
        if self.job.lineage:
            output = lineage.added(output, self.plan.output_schema, self.run_id, number)
        tally.output = Output(output, self._sieve.may_change, partial(self._sieve.locate, rows, sifted))
        return output

    def _profiles(self, rows: pa.Table, output: pa.Table) -> Profiles:
        read = profile(rows, self.source.dialect, self.plan.source_columns)
        same = output is rows and self.source.dialect == self.target.dialect
        if same and self.plan.source_columns == self.plan.target_columns:
            return Profiles(read, read)
        return Profiles(read, profile(output, self.target.dialect, self.plan.target_columns))

    def _commit(self, connection: Connection, result: ChunkResult, profiles: Profiles) -> None:
        ledger.seal(connection, self.run_id, result, profiles)
        with connect.statement(f"committing chunk {result.chunk_no} of run {self.run_id}"):
            connection.commit()

    def _sealed(self, number: int) -> ChunkResult | None:
        with self.target.connect() as connection:
            sealed = ledger.sealed_chunks(connection, self.run_id)
        return next((chunk for chunk in sealed if chunk.chunk_no == number), None)

    def _already_done(self, number: int) -> ChunkResult:
        done = self._sealed(number)
        if done is None:
            raise LedgerError(
                f"chunk {number} of run {self.run_id} is claimed but not done",
                state="Its rows are not committed.",
                advice=f"Another process may be working on it; try `etl resume {self.run_id}` again.",
            )
        return done
