"""The ledger: which chunks of which run are committed, kept in the target database beside the rows themselves.

A chunk's transaction begins by inserting its row (`claim`: the primary key makes any other attempt wait, then fail) and ends
by updating it to done (`seal`, which must affect exactly one row). So only rows that are committed together with their
sealed ledger row exist, and what a run still lacks is its plan minus its done chunks.
"""

from __future__ import annotations

import datetime as dt
import json
import secrets
import socket
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl import connect, statements
from etl.errors import ClaimLost, LedgerError
from etl.here_and_now import now, this_worker
from etl.job import Job
from etl.plan import Plan
from etl.profile import Profiles, total
from etl.result import ChunkResult
from etl.statements import quote
from etl.stored_types import LONG_TEXT, MOMENT, NAME

RunState = Literal["planning", "running", "failed", "abandoned", "done", "undoing", "undone"]

metadata = sa.MetaData()

runs = sa.Table(
    "etl_run",
    metadata,
    sa.Column("run_id", sa.String(16), primary_key=True),
    sa.Column("run_key", NAME, nullable=True),
    sa.Column("job_hash", sa.String(32), nullable=False),
    sa.Column("job", LONG_TEXT, nullable=False),
    sa.Column("mode", sa.String(16), nullable=False),
    sa.Column("target_table", NAME, nullable=False),
    sa.Column("plan_json", LONG_TEXT, nullable=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("host", NAME, nullable=False),
    sa.Column("version", sa.String(32), nullable=False),
    sa.Column("started_at", MOMENT, nullable=False),
    sa.Column("ended_at", MOMENT, nullable=True),
)

chunks = sa.Table(
    "etl_chunk",
    metadata,
    sa.Column("run_id", sa.String(16), primary_key=True),
    sa.Column("chunk_no", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("rows_read", sa.BigInteger, nullable=True),
    sa.Column("rows_written", sa.BigInteger, nullable=True),
    sa.Column("rows_rejected", sa.BigInteger, nullable=True),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("worker", NAME, nullable=False),
    sa.Column("seconds", sa.Float, nullable=True),
    sa.Column("extract_sec", sa.Float, nullable=True),
    sa.Column("transform_sec", sa.Float, nullable=True),
    sa.Column("wait_sec", sa.Float, nullable=True),
    sa.Column("load_sec", sa.Float, nullable=True),
    sa.Column("cpu_sec", sa.Float, nullable=True),
    sa.Column("route", sa.String(32), nullable=True),
    sa.Column("profiles", LONG_TEXT, nullable=True),
    sa.Column("started_at", MOMENT, nullable=False),
    sa.Column("ended_at", MOMENT, nullable=True),
)

COLUMN_TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    **{column.name: column.type for column in (*runs.columns, *chunks.columns)},
    "chunks_done": sa.Integer(),
}


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a job, as the ledger knows it."""

    run_id: str
    run_key: str | None
    job_hash: str
    job: str
    """The job as JSON, without secrets."""
    mode: str
    target_table: str
    plan_json: str | None
    state: RunState
    host: str
    version: str
    started_at: dt.datetime
    """UTC, naive."""
    ended_at: dt.datetime | None

    @property
    def plan(self) -> Plan:
        """The stored plan. Raises LedgerError for a run that died before it had one."""
        if self.plan_json is None:
            raise LedgerError(f"run {self.run_id} has no plan yet", advice="Start the job again: it plans anew.")
        return Plan.from_json(self.plan_json)


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One line of `etl runs`."""

    run_id: str
    target_table: str
    mode: str
    state: RunState
    started_at: dt.datetime
    ended_at: dt.datetime | None
    chunks_done: int
    rows_written: int


def create_tables(connection: Connection) -> None:
    """Make the ledger's tables where they are missing, and the columns that one of an older version lacks."""
    with connect.statement(f"making the ledger tables {', '.join(metadata.tables)}"):
        metadata.create_all(connection)
        inspector = sa.inspect(connection)
        for table in metadata.sorted_tables:
            there = {column["name"] for column in inspector.get_columns(table.name)}
            for column in [column for column in table.columns if column.name not in there]:
                _add_column(connection, table.name, column)


def _add_column(connection: Connection, table: str, column: sa.Column[Any]) -> None:
    dialect = connection.dialect
    sql_type = column.type.compile(dialect=dialect)
    name, added = quote(dialect.name, table), quote(dialect.name, column.name)
    connection.exec_driver_sql(f"ALTER TABLE {name} ADD {added} {sql_type} NULL")


def exists(connection: Connection) -> bool:
    """Whether this database has a ledger."""
    with connect.statement("looking for the ledger"):
        return sa.inspect(connection).has_table(runs.name)


def start_run(connection: Connection, job: Job, run_key: str | None) -> str:
    """Insert a new run in state `planning` and return its id."""
    run_id = secrets.token_hex(4)
    _execute(
        connection,
        "ledger_start_run",
        run_id=run_id,
        run_key=run_key,
        job_hash=job.hash(),
        job=job.model_dump_json(),
        mode=job.mode,
        target_table=str(job.target_name),
        host=socket.gethostname(),
        version=_version(),
        started_at=now(),
    )
    return run_id


def adopt_run(connection: Connection, run_id: str, run_key: str) -> None:
    """Take a run up under another key."""
    _execute(connection, "ledger_adopt_run", run_id=run_id, run_key=run_key)


def store_plan(connection: Connection, run_id: str, plan: Plan) -> None:
    """Give a run its plan. Raises LedgerError when it has one already: then another process is planning it too."""
    if _execute(connection, "ledger_store_plan", run_id=run_id, plan_json=plan.to_json()).rowcount != 1:
        raise LedgerError(f"run {run_id} was planned by another process meanwhile", advice="Start the job again.")


def end_run(connection: Connection, run_id: str, state: RunState) -> bool:
    """Set a run's last state. A run that is done stays done; returns whether the state was set."""
    return _execute(connection, "ledger_end_run", run_id=run_id, state=state, ended_at=now()).rowcount == 1


def set_state(connection: Connection, run_id: str, state: RunState) -> None:
    """Set a run's state, whatever it was."""
    with connect.statement(f"marking run {run_id} as {state}"):
        _execute(connection, "ledger_set_state", run_id=run_id, state=state, ended_at=now())


def unseal(connection: Connection, run_id: str, chunk_no: int) -> None:
    """Mark a chunk as undone. Raises LedgerError where another process has done so."""
    if _execute(connection, "ledger_unseal", run_id=run_id, chunk_no=chunk_no).rowcount != 1:
        raise LedgerError(
            f"chunk {chunk_no} of run {run_id} was undone by another process meanwhile", advice="Look at `etl runs`."
        )


def find_run(connection: Connection, run_id: str) -> Run:
    """The run of that id. Raises LedgerError when there is none."""
    rows = _execute(connection, "ledger_run", run_id=run_id).mappings().all() if exists(connection) else []
    if not rows:
        raise LedgerError(f"there is no run {run_id} in this database", advice="List the runs with `etl runs`.")
    return Run(**rows[0])


def last_run(connection: Connection, job: Job, run_key: str | None = None) -> Run | None:
    """The job's latest run, or with a key the latest under that key."""
    if run_key is None:
        rows = _execute(connection, "ledger_last_run", job_hash=job.hash())
    else:
        rows = _execute(connection, "ledger_run_by_key", run_key=run_key, job_hash=job.hash())
    row = rows.mappings().first()
    return None if row is None else find_run(connection, row["run_id"])


def last_done_run(connection: Connection, job: Job) -> Run | None:
    """The job's latest completed run."""
    row = _execute(connection, "ledger_last_done", job_hash=job.hash()).mappings().first()
    return None if row is None else find_run(connection, row["run_id"])


def last_moved(connection: Connection, job: Job) -> str | None:
    """The id of the job's latest completed run that read rows."""
    row = _execute(connection, "ledger_last_moved", job_hash=job.hash()).mappings().first()
    return None if row is None else str(row["run_id"])


def all_runs(connection: Connection) -> list[RunSummary]:
    """Every run, latest first."""
    rows = _execute(connection, "ledger_runs").mappings()
    return [RunSummary(**{**row, "rows_written": row["rows_written"] or 0}) for row in rows]


def sealed_chunks(connection: Connection, run_id: str) -> list[ChunkResult]:
    """The committed chunks of a run, by number."""
    return [ChunkResult(**row) for row in _execute(connection, "ledger_chunks", run_id=run_id).mappings()]


def profiles(connection: Connection, run_id: str) -> Profiles:
    """What was read and written by all committed chunks of a run together."""
    rows = _execute(connection, "ledger_profiles", run_id=run_id).scalars().all()
    found = [Profiles(**json.loads(row)) for row in rows if row is not None]
    return Profiles(total(one.read for one in found), total(one.written for one in found))


class ChunkTaken(Exception):
    """Another transaction has claimed the chunk and ended: it is done, or being done. The connection is of no use after it."""


def claim(connection: Connection, run_id: str, chunk_no: int, attempt: int, started_at: dt.datetime) -> None:
    """First statement of a chunk's transaction: insert its row.

    Waits while another transaction holds the claim, up to the connection's lock timeout. Raises ChunkTaken when that one
    has committed.
    """
    with connect.statement(f"claiming chunk {chunk_no} of run {run_id}"):
        try:
            _execute(
                connection,
                "ledger_claim",
                run_id=run_id,
                chunk_no=chunk_no,
                attempt=attempt,
                worker=this_worker(),
                started_at=started_at,
            )
        except sa.exc.IntegrityError as error:
            raise ChunkTaken from error


def seal(connection: Connection, run_id: str, result: ChunkResult, profiles: Profiles) -> None:
    """Last statement of a chunk's transaction. Raises ClaimLost when the claim is not there any more."""
    claimed = {"attempt", "worker", "started_at"}
    values = {name: value for name, value in asdict(result).items() if name not in claimed}
    with connect.statement(f"sealing chunk {result.chunk_no} of run {run_id}"):
        sealed = _execute(
            connection, "ledger_seal", run_id=run_id, profiles=json.dumps(asdict(profiles)), **values
        ).rowcount
    if sealed != 1:
        raise ClaimLost(
            f"chunk {result.chunk_no} of run {run_id} cannot be sealed: its claim is gone, the server rolled back underneath",
            state="Nothing of the chunk is committed.",
            advice=f"Run it again with `etl resume {run_id}`.",
        )


def _execute(connection: Connection, name: str, **values: Any) -> sa.CursorResult[Any]:
    return connection.execute(_statement(name, connection.dialect.name), values)


@cache
def _statement(name: str, dialect: str) -> Any:
    """The file's statement with the types of the tables' columns on its parameters and results."""
    # A reader of progress passes over chunks that are being written instead of waiting for them.
    skip_locked = " WITH (READPAST)" if dialect == "mssql" else ""
    text = sa.text(statements.load(name).format(skip_locked=skip_locked))
    typed = text.bindparams(*(sa.bindparam(bind, type_=COLUMN_TYPES[bind]) for bind in text._bindparams))
    if not statements.load(name).startswith("SELECT"):
        return typed
    return typed.columns(**COLUMN_TYPES)


@cache
def _version() -> str:
    try:
        return version("tablehaul")
    except PackageNotFoundError:
        return "unknown"
