"""Random faults at random instants of jobs, each job compared at its end: `python -m tests.soak faults`.

One sandbox and one source serve all jobs. A job runs in a process of its own, and is started again until it is done, as its
user would do. An instant is an event at the server (see `etl.sandbox.faults`), or a moment soon after it.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from random import Random

from etl.job import Job
from tests.faults.copies import COLUMNS, WITH_DEFAULT, Stage, open_stage
from tests.faults.runners import Ended, Runner
from tests.faults.server_kills import Killed, copy_through_server_kills
from tests.soak_report import Report
from tests.soak_trial import Trial

CHUNKS, CHUNK_ROWS = 20, 20
MOST_STARTS = 40
JOBS_TO_A_SERVER_KILL = 8
REPORT_SEC = 15.0
WAYS = ["bulk copy", "bulk copy", "staging table", "insert"]
TRANSFORM = "tests.faults.transforms:as_it_is"


def soak(count: int, seed: int, report_to: Path | None) -> list[str]:
    """Let so many faults strike; returns what was wrong."""
    report, begun = Report(seed, count), time.monotonic()
    random, said_at = Random(seed), begun
    with open_stage() as stage:
        stage.fill(CHUNKS * CHUNK_ROWS)
        while report.struck < count:
            one_job(stage, random.getrandbits(32), report)
            if report.jobs % JOBS_TO_A_SERVER_KILL == 0:
                on_a_killed_server(random.getrandbits(32), report)
            report.seconds = time.monotonic() - begun
            if report_to is not None:
                report.write(report_to)
            if time.monotonic() > said_at:
                said_at = time.monotonic() + REPORT_SEC
                print(
                    f"{report.struck} of {count} faults in {report.jobs} jobs, {report.seconds:.0f} s,"
                    f" {report.retries} retries, {report.resumes} starts again, {len(report.wrong)} wrong",
                    flush=True,
                )
    return report.wrong


def one_job(stage: Stage, seed: int, report: Report) -> None:
    """One job from its start to its end through what goes wrong, and the comparison."""
    random = Random(seed)
    way = random.choice(WAYS)
    stream, pool, transform = random.random() < 0.4, random.random() < 0.4, random.random() < 0.3
    stage.clear(target=WITH_DEFAULT if way == "staging table" else None)
    job = stage.job(
        chunk_rows=CHUNK_ROWS,
        stream=stream,
        mode="append" if way == "staging table" else random.choice(["append", "replace"]),
        executor="process" if pool else "serial",
        transform=TRANSFORM if transform else None,
    )
    trial = Trial(stage, random)
    trial.plan()
    ends = until_done(stage, job, trial, plain_insert=way == "insert")
    trial.settle()
    report.add(trial.struck, sum(len(end.retried) for end in ends), len(ends) - 1)
    report.chunks += CHUNKS
    report.rows += stage.rows
    report.jobs_by_way[
        f"{way}, {'a stream' if stream else 'key ranges'}, {'pool' if pool else 'serial'}{', transform' if transform else ''}"
    ] += 1
    report.ends.update(plain(end) for end in ends[:-1])
    report.wrong += [f"seed {seed}: {line}" for line in found_wrong(stage, ends, report)]


def on_a_killed_server(seed: int, report: Report) -> None:
    """A job on a server of its own that is killed and started again on its data."""
    random = Random(seed)
    killed: Killed = copy_through_server_kills(random, CHUNKS, CHUNK_ROWS)
    report.add(killed.kinds, killed.retries, killed.starts - 1)
    report.chunks += CHUNKS
    report.rows += CHUNKS * CHUNK_ROWS
    report.rows_lost += killed.rows_lost
    report.rows_doubled += killed.rows_doubled
    report.jobs_by_way["bulk copy, key ranges, serial, on a server that is killed"] += 1
    report.ends.update(plain(end) for end in killed.ends[:-1])
    report.wrong += [f"seed {seed}, server killed: {line}" for line in killed.wrong]


def until_done(stage: Stage, job: Job, trial: Trial, *, plain_insert: bool) -> list[Ended]:
    """Start the job until it is done, as its user would."""
    ends: list[Ended] = []
    while len(ends) < MOST_STARTS:
        trial.runner = runner = Runner(job, plain_insert=plain_insert)
        ends.append(runner.ended())
        if left := runner.left_behind():
            ends[-1].error = f"left behind: workers {left}"
        if ends[-1].done or ends[-1].hung or _is_done(stage):
            break
        if len(ends) > MOST_STARTS // 2:
            trial.settle()
    trial.runner = None
    return ends


def _is_done(stage: Stage) -> bool:
    """Whether the run is done although its runner did not live to tell; the next start would be another run."""
    with stage.events.looking_on():
        return "etl_run" in stage.database.tables() and "done" in stage.database.run_states()


def plain(end: Ended) -> str:
    """What a run ended with, without what differs from run to run."""
    if end.hung:
        return "hung"
    if end.error is None:
        return "SIGKILL"
    lines = end.error.splitlines()
    first = lines[-1] if lines[0].startswith("Traceback") else lines[0]
    first = re.sub(r"\(\S+ <= key <=? \S+\)|\(chunk-\d+\.arrow\)|127\.0\.0\.1:\d+/\w+", "…", first)
    return re.sub(r"(?<![0-9a-z])[0-9a-f]{8}\b|\bchunk \d+|\brow \d+", "…", first)[:200]


def found_wrong(stage: Stage, ends: list[Ended], report: Report) -> list[str]:
    """What is not as it must be after a job."""
    wrong = [f"run ended with {plain(end)}: {end.error}" for end in ends if end.hung or _is_unexplained(end)]
    database = stage.database
    if "copies" not in database.tables():
        return [*wrong, f"no target after {len(ends)} starts; the last ended with {plain(ends[-1])}"]
    source, target = database.rows("orders", COLUMNS), database.rows("copies", COLUMNS)
    lost, doubled = (source - target).total(), (target - source).total()
    report.rows_lost += lost
    report.rows_doubled += doubled
    try:
        stage.assert_exactly_once(CHUNK_ROWS)
    except AssertionError as error:
        wrong.append(f"{lost} rows lost, {doubled} doubled; {' '.join(str(error).split())[:300]}; {plain(ends[-1])}")
    return wrong


def _is_unexplained(end: Ended) -> bool:
    """An error that no user could do anything with: not one of ours, or none that a fault of these brings."""
    ours = ("ConnectError", "LoginFailed", "DatabaseError", "WorkerDied", "LedgerError", "ClaimLost", "ChunkFailed")
    return end.error is not None and not end.error.startswith(ours)
