"""One chunk's way: extract → transform → load, on connections of its own, its rows and its ledger row in one transaction."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from etl import connect, extract, frames, ledger, spool, transform
from etl.append import append
from etl.connect import Endpoint
from etl.errors import LedgerError
from etl.job import Job
from etl.plan import Chunk, Plan, range_condition
from etl.result import ChunkResult, from_ledger
from etl.selection import select_table
from etl.statements import TableName


@dataclass(frozen=True, slots=True)
class Attempt:
    """A chunk that is to be done, for the how-manieth time."""

    chunk: Chunk
    number: int = 1


@dataclass(frozen=True)
class ChunkWork:
    """The function that the executor runs on every chunk. It travels to each worker once."""

    job: Job
    plan: Plan
    run_id: str
    table: TableName
    """Where rows go: the target, or in mode replace the staging table."""

    def __call__(self, attempt: Attempt) -> ChunkResult:
        """Do one chunk. Raises what its stages raise; then nothing of it is committed."""
        started = time.perf_counter()
        rows = self._extract(attempt.chunk)
        output = self._transform(rows)
        return self._load(attempt, rows.num_rows, output, started)

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
        dialect = self.source.dialect
        key = next(column for column in self.plan.source_columns if column.name == self.plan.key)
        condition, bounds = range_condition(dialect, key, chunk)
        table = TableName.parse(self.job.source_table)
        selection = select_table(dialect, table, self.plan.source_columns, condition)
        return extract.read_table(self.source, selection, bounds)

    def _transform(self, rows: pa.Table) -> pa.Table:
        schema = self.plan.output_schema
        if self.job.transform is None:
            # Passed on as it is where source and target type are the same, else by the same exact casts.
            return rows if rows.schema.types == schema.types else frames.cast_table(rows, schema)
        function = transform.find(self.job.transform)
        return transform.apply(self.job.transform, function, rows, self.job.frame_dtypes, schema)

    def _load(self, attempt: Attempt, rows_read: int, output: pa.Table, started: float) -> ChunkResult:
        number = attempt.chunk.number
        with self.target.connect() as connection:
            try:
                ledger.claim(connection, self.run_id, number, attempt.number)
                written = append(connection, self.table, output, self.plan.target_columns, self.plan.route)
                seconds = time.perf_counter() - started
                ledger.seal(connection, self.run_id, number, rows_read, written, seconds)
                with connect.statement(f"committing chunk {number} of run {self.run_id}"):
                    connection.commit()
            except ledger.ChunkTaken:
                connection.invalidate()
                return self._already_done(number)
            except BaseException:
                # A connection that failed inside a transaction is closed, which rolls back, and never used again.
                connection.invalidate()
                raise
        return ChunkResult(number, rows_read, written, seconds, attempt.number, ledger.this_worker())

    def _already_done(self, number: int) -> ChunkResult:
        with self.target.connect() as connection:
            sealed = {chunk.chunk_no: chunk for chunk in ledger.sealed_chunks(connection, self.run_id)}
        if number not in sealed:
            raise LedgerError(
                f"chunk {number} of run {self.run_id} is claimed but not done",
                state="Its rows are not committed.",
                advice=f"Another process may be working on it; try `etl resume {self.run_id}` again.",
            )
        return from_ledger(sealed[number])
