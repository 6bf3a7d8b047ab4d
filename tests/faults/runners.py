"""Processes that run a job and tell how it went, that may have workers, and that are killed with or without these."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
import time
import traceback
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from etl.job import Job
from tests.faults.sandbox_process import family
from tests.faults.victims import CONTEXT, start

HANGS_AFTER_SEC = 120.0
NOTICED_SEC, POLL_SEC = 20.0, 0.01


@dataclass
class Ended:
    """How a runner ended."""

    error: str | None = None
    """Kind and message of what was raised; None for one that came to its end or was killed."""
    killed: bool = False
    hung: bool = False
    retried: list[str] = field(default_factory=list)
    """What it told of chunks that were tried again."""

    @property
    def done(self) -> bool:
        """Whether the run came to its end."""
        return self.error is None and not self.killed and not self.hung


class Runner:
    """A process that runs a job."""

    def __init__(
        self, job: Job, *, plain_insert: bool = False, first_delay_sec: float = 0.01, temporary: Path | None = None
    ) -> None:
        self._told, theirs = CONTEXT.Pipe(duplex=False)
        # Not a daemon: those may have no workers.
        self._process = start(_run, job, plain_insert, first_delay_sec, temporary, theirs, daemon=False)
        theirs.close()
        pid = self._process.pid
        assert pid is not None
        self.pid: int = pid
        self.workers_seen: set[int] = set()

    def workers(self) -> list[int]:
        """The processes that it has started."""
        found = family(self.pid)[1:]
        self.workers_seen.update(found)
        return found

    def kill(self, pids: list[int]) -> None:
        """SIGKILL, in this order."""
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def left_behind(self) -> set[int]:
        """The workers that outlive it by more than the moment that they need to notice."""
        deadline = time.monotonic() + NOTICED_SEC
        while (alive := {pid for pid in self.workers_seen if _is_alive(pid)}) and time.monotonic() < deadline:
            time.sleep(POLL_SEC)
        return alive

    def ended(self) -> Ended:
        """Wait for its end; one that hangs is killed."""
        self._process.join(HANGS_AFTER_SEC)
        ended = Ended(hung=self._process.is_alive())
        if ended.hung:
            self.kill([*self.workers(), self.pid])
            self._process.join()
        ended.killed = self._process.exitcode == -signal.SIGKILL and not ended.hung
        with contextlib.suppress(EOFError, OSError):
            while self._told.poll():
                kind, text = self._told.recv()
                if kind == "retried":
                    ended.retried.append(text)
                else:
                    ended.error = text
        self._told.close()
        if self._process.exitcode not in (0, -signal.SIGKILL) and ended.error is None:
            ended.error = f"exit code {self._process.exitcode}"
        return ended


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def _run(job: Job, plain_insert: bool, first_delay_sec: float, temporary: Path | None, tell: Connection) -> None:
    import etl
    from etl import retries
    from etl.bulk import probe
    from etl.pipeline import Listener

    class Teller(Listener):
        def retried(self, message: str) -> None:
            tell.send(("retried", message))

    retries.FIRST_DELAY_SEC = first_delay_sec
    if temporary is not None:
        tempfile.tempdir = str(temporary)
    if plain_insert:
        setattr(probe, "holds", lambda _target: False)  # noqa: B010 - a cached function has another type
    try:
        etl.run(job, listener=Teller())
    except etl.EtlError as error:
        tell.send(("error", f"{type(error).__name__}: {error}"))
    except Exception:  # noqa: BLE001 - told to the one that started it
        tell.send(("error", traceback.format_exc()))
