"""Results as one JSON file, sorted by input: the same text whatever the database, the executor and the order of events."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TextIO

import sqlalchemy as sa
from sqlalchemy.orm import Session

from etl import connect
from etl.connect import Endpoint
from etl.errors import EtlError
from etl.sweep import order, store
from etl.sweep.model import State, StoredInput, sweep_id

ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export holds, and what it does not."""

    name: str
    results: int
    failed: int
    """Inputs whose last attempt failed."""
    running: int
    """Inputs that are under way, or were when they were killed."""


def export(database: Endpoint, name: str, out: Path) -> Exported:
    """Write the sweep's results into a file, which is there whole or not at all.

    It is a JSON array of `{"input": …, "result": …}`, one a line, in the order of `order.place`. Numbers and text stand there
    as they are stored. Raises LedgerError where there is no such sweep, EtlError for a file that cannot be written.
    """
    try:
        with _replacing(out) as file:
            return write(database, name, file)
    except OSError as error:
        raise EtlError(f"cannot write {out}: {error.strerror}", state=f"{out} is as it was.") from error


def write(database: Endpoint, name: str, file: TextIO) -> Exported:
    """The same to an open file. Memory grows with the inputs, not with the results."""
    store.find(database, name)
    with store.reading(database) as opened, tempfile.TemporaryFile() as spool:
        places = []
        # One statement, so that what it gives is of one moment on SQLite; nowhere is a result ever half there.
        with connect.statement(f"reading the results of the sweep {name}"):
            for text, result in _results(opened, name):
                start = spool.tell()
                spool.write(f'{{"input": {text}, "result": {result}}}'.encode())
                places.append((order.place(json.loads(text)), start, spool.tell() - start))
        counts = count(opened, name)
        places.sort()
        file.write("[")
        for number, (_, start, length) in enumerate(places):
            file.write(",\n" if number else "\n")
            file.write(_part(spool, start, length))
        file.write("\n]\n" if places else "]\n")
    return Exported(name, len(places), counts.get("failed", 0), counts.get("running", 0))


def results(database: Endpoint, name: str) -> Iterator[tuple[Any, Any]]:
    """Each input with its result, in the order of the inputs. Raises LedgerError where there is no such sweep."""
    store.find(database, name)
    with store.reading(database) as opened, connect.statement(f"reading the results of the sweep {name}"):
        found = [(json.loads(text), result) for text, result in _results(opened, name)]
    found.sort(key=lambda pair: order.place(pair[0]))
    for value, result in found:
        yield value, json.loads(result)


def count(opened: Session, name: str) -> dict[State, int]:
    """How many of the sweep's inputs are in each state."""
    counted = (
        sa.select(StoredInput.state, sa.func.count())
        .where(StoredInput.sweep_id == sweep_id(name))
        .group_by(StoredInput.state)
    )
    with connect.statement(f"counting the inputs of the sweep {name}"):
        return {row[0]: row[1] for row in opened.execute(counted)}


def _results(opened: Session, name: str) -> Iterator[tuple[str, str]]:
    done = sa.select(StoredInput.input, StoredInput.result).where(
        StoredInput.sweep_id == sweep_id(name), StoredInput.state == "done"
    )
    for text, result in opened.execute(done, execution_options={"yield_per": ROWS_AT_ONCE}):
        assert result is not None
        yield text, result


def _part(spool: IO[bytes], start: int, length: int) -> str:
    spool.seek(start)
    return spool.read(length).decode()


@contextmanager
def _replacing(path: Path) -> Iterator[TextIO]:
    """A file beside `path` that takes its place at the end, with its rights."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _umask() -> int:
    """The process's own; it can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
