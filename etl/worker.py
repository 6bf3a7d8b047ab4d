"""One chunk's way: extract → transform → load, on connections of its own, its rows and its ledger row in one transaction."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa
from sqlalchemy.engine import Connection

from etl import connect, extract, frames, ledger, lineage, spool, transform
from etl.append import append
from etl.connect import Endpoint
from etl.errors import LedgerError
from etl.job import Job
from etl.plan import Chunk, Plan, range_condition
from etl.profile import Profiles, profile
from etl.result import ChunkResult
from etl.selection import select_table
from etl.statements import TableName
from etl.stopwatch import Stopwatch
from etl.writer_slots import WriterSlots


@dataclass(frozen=True, slots=True)
class Attempt:
    """A chunk that is to be done, for the how-manieth time."""

    chunk: Chunk
    number: int = 1
    writers: int = 1
    """How many chunks may be written at once."""
    delay_sec: float = 0.0
    """To wait before it: what went wrong may take its time to pass."""


@dataclass(frozen=True)
class ChunkWork:
    """The function that the executor runs on every chunk. It travels to each worker once."""

    job: Job
    plan: Plan
    run_id: str
    table: TableName
    """Where rows go: the target, or in mode replace the staging table."""
    slots: WriterSlots

    def __call__(self, attempt: Attempt) -> ChunkResult:
        """Do one chunk. Raises what its stages raise; then nothing of it is committed."""
        time.sleep(attempt.delay_sec)
        watch, started_at = Stopwatch(), ledger.now()
        number = attempt.chunk.number
        done = self._sealed(number) if attempt.number > 1 else None
        if done is not None:  # The link was lost after the server had the COMMIT.
            return done
        rows = self._extract(attempt.chunk)
        extract_sec = watch.lap()
        output = self._transform(rows, number)
        transform_sec = watch.lap()
        with self.slots.one_of(attempt.writers), self.target.connect() as connection:
            wait_sec = watch.lap()
            try:
                ledger.claim(connection, self.run_id, number, attempt.number, started_at)
            except ledger.ChunkTaken:
                connection.invalidate()
                return self._already_done(number)
            result = ChunkResult(
                chunk_no=number,
                rows_read=rows.num_rows,
                rows_written=append(connection, self.table, output, self.plan.target_columns, self.plan.route),
                attempt=attempt.number,
                worker=ledger.this_worker(),
                seconds=watch.seconds,
                extract_sec=extract_sec,
                transform_sec=transform_sec,
                wait_sec=wait_sec,
                load_sec=watch.lap(),
                cpu_sec=watch.cpu_sec,
                route=self.plan.route.way,
                started_at=started_at,
                ended_at=ledger.now(),
            )
            self._commit(connection, result, self._profiles(rows, output))
        return result

    @cached_property
    def source(self) -> Endpoint:
        """Where rows come from; its engine is made in the process that uses it."""
        return self.job.source_endpoint

    @cached_property
    def target(self) -> Endpoint:
        """Where rows and the ledger go."""
        return self.job.target_endpoint

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

    def _transform(self, rows: pa.Table, number: int) -> pa.Table:
        output = self.plan.output_schema
        if not self.job.lineage:
            return self._cast(rows, output)
        return lineage.added(self._cast(rows, lineage.without(output)), output, self.run_id, number)

    def _cast(self, rows: pa.Table, schema: pa.Schema) -> pa.Table:
        if self.job.transform is None:
            # Passed on as it is where source and target type are the same, else by the same exact casts.
            return rows if rows.schema.types == schema.types else frames.cast_table(rows, schema)
        function = transform.find(self.job.transform)
        return transform.apply(self.job.transform, function, rows, self.job.frame_dtypes, schema)

    def _profiles(self, rows: pa.Table, output: pa.Table) -> Profiles:
        return Profiles(
            read=profile(rows, self.source.dialect, self.plan.source_columns),
            written=profile(output, self.target.dialect, self.plan.target_columns),
        )

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
