"""What a worker is asked before a run begins, and answers: whether it can do the job's chunks. Runs on the workers."""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import platform
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from etl import named
from etl.cluster import machine
from etl.cluster.luggage import Luggage
from etl.cluster.machine import Sight
from etl.connect import Endpoint
from etl.errors import EtlError, JobError
from etl.job import Job


@dataclass(frozen=True, slots=True)
class Seen:
    """A database as the process sees it that asks."""

    label: str
    file: Sight | None
    """Of a SQLite database."""


@dataclass(frozen=True, slots=True)
class Question:
    """What every worker must find as it is found here."""

    job: Job
    tablehaul: str
    python: str
    source: Seen
    target: Seen
    modules: dict[str, str]
    """A digest of the file of each module that the job names."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a worker cannot do the job."""

    message: str
    advice: str = ""


def question(job: Job, travelling: Job) -> Question:
    """What workers are asked about the job, which reaches them as `travelling`."""
    return Question(
        travelling,
        version("tablehaul"),
        _python(),
        _seen(job.source_endpoint),
        _seen(job.target_endpoint),
        {name: _digest(name) for name in _named_modules(job)},
    )


async def answer(luggage: Luggage) -> list[Problem]:
    """The worker's problems with the question that is in the luggage. Raises nothing."""
    # In a thread: connecting takes its time, and the worker has to go on telling that it lives.
    return await asyncio.to_thread(_answer, luggage)


def _answer(luggage: Luggage) -> list[Problem]:
    try:
        asked: Question = luggage.unpacked()
        return list(_problems(asked))
    except EtlError as error:
        return [Problem(error.message, error.advice)]
    except Exception as error:  # noqa: BLE001 - imports of the user's code raise anything
        return [Problem(f"{type(error).__name__}: {error}")]


def _problems(asked: Question) -> Iterator[Problem]:
    if version("tablehaul") != asked.tablehaul:
        yield Problem(
            f"it has tablehaul {version('tablehaul')}, and here is {asked.tablehaul}",
            f"Install the same version there: pip install 'tablehaul[dask]=={asked.tablehaul}'.",
        )
    if _python() != asked.python:
        yield Problem(
            f"it runs Python {_python()}, and here is {asked.python}", "Functions travel between equal ones only."
        )
    job = asked.job
    yield from _database("source", job.source_endpoint, asked.source)
    yield from _database("target", job.target_endpoint, asked.target)
    for what, reference in job.named_objects.items():
        named.find_object(reference, what)
    for name, digest in asked.modules.items():
        if _digest(name) != digest:
            yield Problem(f"its module {name} is another one than here", "Bring the same code to the worker.")


def _database(which: str, endpoint: Endpoint, seen: Seen) -> Iterator[Problem]:
    if endpoint.dialect == "sqlite":
        if seen.file != machine.sight(Path(endpoint.url.database or "")):
            yield Problem(
                f"the {which} {seen.label} is a SQLite file, and the worker is on another machine or sees another file there",
                "SQLite has no locks between machines: use executor: process, or a database server.",
            )
        return
    if endpoint.label != seen.label:
        yield Problem(
            f"its {which} is {endpoint.label}, and here it is {seen.label}",
            "Set the same variable or file on the worker.",
        )
        return
    with endpoint.connect():
        pass


def _seen(endpoint: Endpoint) -> Seen:
    is_file = endpoint.dialect == "sqlite"
    return Seen(endpoint.label, machine.sight(Path(endpoint.url.database or "")) if is_file else None)


def _python() -> str:
    """Such as 3.12: what is pickled by value fits that one only."""
    return ".".join(platform.python_version_tuple()[:2])


def _named_modules(job: Job) -> list[str]:
    return sorted({reference.partition(":")[0] for reference in job.named_objects.values()})


def _digest(module: str) -> str:
    try:
        file = importlib.import_module(module).__file__
    except Exception as error:
        raise JobError(f"the module {module} cannot be imported: {type(error).__name__}: {error}") from error
    return "" if file is None else hashlib.sha256(Path(file).read_bytes()).hexdigest()


# A folder that must be shared


def put_probe(folder: Path) -> tuple[Path, str]:
    """A new file in the folder, and what is in it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path, content = folder / f"probe-{secrets.token_hex(8)}", secrets.token_hex(16)
    path.write_text(content)
    return path, content


def reads_probe(path: str, content: str) -> bool:
    """Whether the worker finds the file with that in it."""
    try:
        return Path(path).read_text() == content
    except OSError:
        return False
