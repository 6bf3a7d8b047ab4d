"""A run's progress as an artifact that moves while the run goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from logging import Logger, LoggerAdapter
from uuid import UUID

import httpx
from prefect import get_run_logger
from prefect.artifacts import create_progress_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate
from prefect.exceptions import PrefectException

from etl import pipeline, report
from etl.prepare import Prepared

EVERY_SEC = 1.0
"""At most so often is it brought to the server, by a thread of its own: chunks never wait for it."""
LAST_SEC = 10.0
"""That a server may take for the last of it; the run's own result does not depend on it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the artifact says."""

    percent: float
    text: str


@contextmanager
def not_vital(what: str, log: Logger | LoggerAdapter[Logger] | None = None) -> Iterator[None]:
    """Around what only shows a run: that Prefect's server does not take it is told, as `what`, and fails nothing."""
    try:
        yield
    except (httpx.HTTPError, PrefectException) as error:
        (log or get_run_logger()).warning("%s: %s", what, type(error).__name__)


def percent(done: int, planned: int) -> float:
    """Of the chunks, to a tenth, below 100 as long as one is missing."""
    if done >= planned:
        return 100.0
    return min(round(100 * done / planned, 1), 99.9)


@contextmanager
def live(prepared: Prepared, key: str, inner: pipeline.Listener) -> Iterator[pipeline.Listener]:
    """A listener that tells `inner` everything and keeps an artifact of the current task run up to date.

    It ends at what was committed last: at 100, or where the run failed.
    """
    first = _at_start(prepared)
    artifact = create_progress_artifact(first.percent, key, first.text)
    assert isinstance(artifact, UUID)
    updates = _Updates(artifact, first)
    try:
        yield _Live(inner, prepared.run_id, updates)
    except BaseException:
        updates.put(Shown(updates.latest.percent, f"{updates.latest.text}; stopped here"))
        raise
    finally:
        updates.end()


def _at_start(prepared: Prepared) -> Shown:
    done, planned = len(prepared.sealed), len(prepared.plan.chunks)
    return Shown(percent(done, planned), f"run {prepared.run_id}: {done}/{planned} chunks")


class _Updates:
    """Brings what is put last to the server, by its own thread."""

    def __init__(self, artifact: UUID, first: Shown) -> None:
        self.latest = first
        self._sent = first
        self._artifact = artifact
        self._log = get_run_logger()
        self._ended = threading.Event()
        # Which server, and how to log in there, is in the context.
        self._thread = threading.Thread(target=copy_context().run, args=(self._bring,), name="progress", daemon=True)
        self._thread.start()

    def put(self, shown: Shown) -> None:
        self.latest = shown

    def end(self) -> None:
        self._ended.set()
        self._thread.join(LAST_SEC)

    def _bring(self) -> None:
        with (
            not_vital("the progress artifact is not kept up to date", self._log),
            get_client(sync_client=True) as client,
        ):
            ended = False
            while not ended:
                ended = self._ended.wait(EVERY_SEC)
                shown = self.latest
                if shown != self._sent:
                    client.update_artifact(self._artifact, ArtifactUpdate(data=shown.percent, description=shown.text))
                    self._sent = shown


class _Live(pipeline.Listener):
    def __init__(self, inner: pipeline.Listener, run_id: str, updates: _Updates) -> None:
        self._inner = inner
        self._run_id = run_id
        self._updates = updates

    def started(self, prepared: Prepared) -> None:
        self._inner.started(prepared)

    def chunk_done(self, progress: pipeline.Progress) -> None:
        done = percent(progress.chunks_done, progress.chunks_planned)
        self._updates.put(Shown(done, f"run {self._run_id}: {report.progress_line(progress)}"))
        self._inner.chunk_done(progress)

    def stopping(self, message: str) -> None:
        self._inner.stopping(message)

    def retried(self, message: str) -> None:
        self._inner.retried(message)
