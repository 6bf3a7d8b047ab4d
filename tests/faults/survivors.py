"""Hazards tried in a process of their own each, so that a crash of the interpreter is a failed test with a name.

A hazard is a function of this package's `hazards_*` modules. It gets the ground to stand on and asserts by itself what must
come of it: the right rows, or an error of ours that says why not.
"""

from __future__ import annotations

import re
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe
from typing import Any

import sqlalchemy as sa

from etl.references import resolve
from tests.faults.victims import CONTEXT, start

LIMIT_SEC = 60


class Ground:
    """A database on the server, reached without the project's own connections."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = sa.create_engine(resolve(url), poolclass=sa.NullPool)

    def make(self, *statements: str) -> None:
        """Run statements and commit them."""
        with self.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def table(self, columns: str, *rows: str) -> None:
        """Make the table `dbo.t` anew, with rows as T-SQL writes them."""
        self.make(
            "DROP TABLE IF EXISTS dbo.t",
            f"CREATE TABLE dbo.t ({columns})",
            *(f"INSERT INTO dbo.t VALUES ({row})" for row in rows),
        )

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a query gives."""
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql)]


Hazard = Callable[..., None]


@contextmanager
def refused(kind: type[BaseException], pattern: str) -> Iterator[None]:
    """Assert that the block raises this error, and that what its user reads matches."""
    try:
        yield
    except kind as error:
        if not re.search(pattern, str(error)):
            raise AssertionError(f"{type(error).__name__}: {error}") from error
    else:
        raise AssertionError(f"not refused; expected {kind.__name__}: {pattern}")


@contextmanager
def hooked(owner: Any, name: str, before: Callable[[int], None]) -> Iterator[None]:
    """Call `before` with the number of the call, from 1, ahead of every call of the function."""
    original, calls = getattr(owner, name), 0

    def with_hook(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        before(calls)
        return original(*args, **kwargs)

    setattr(owner, name, with_hook)
    try:
        yield
    finally:
        setattr(owner, name, original)


def survive(hazard: Hazard, url: str, *cases: tuple[Any, ...]) -> None:
    """Try the hazard in a process of its own, with each case's arguments in turn where there are any.

    Fails, naming the case, when the process crashes or hangs, or when the hazard's own assertions fail.
    """
    ours, theirs = CONTEXT.Pipe(duplex=False)
    process = start(_try, hazard, url, cases or ((),), theirs)
    theirs.close()
    case, failed, deadline = "nothing", [], time.monotonic() + LIMIT_SEC
    try:
        while ours.poll(max(0.0, deadline - time.monotonic())):
            case, failure = ours.recv()
            if failure is not None:
                failed.append(f"{hazard.__name__}{case}: {failure}")
    except EOFError:
        process.join(max(0.0, deadline - time.monotonic()))
    hung = process.is_alive()
    process.kill()
    process.join()
    assert not hung, f"{hazard.__name__}{case} hangs"
    assert process.exitcode == 0, f"{hazard.__name__}{case} ended the process: {_ended(process.exitcode)}"
    assert not failed, "\n".join(failed)


def _ended(exit_code: int | None) -> str:
    return signal.Signals(-exit_code).name if exit_code is not None and exit_code < 0 else f"exit code {exit_code}"


def _try(hazard: Hazard, url: str, cases: tuple[tuple[Any, ...], ...], pipe: Pipe) -> None:
    ground = Ground(url)
    for case in cases:
        pipe.send((case, None))
        try:
            hazard(ground, *case)
        except BaseException:  # noqa: BLE001 - told to the test, which fails
            pipe.send((case, traceback.format_exc()))
