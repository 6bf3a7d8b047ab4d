"""What a sweep is: a function, its inputs, and where results go."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, get_args

from pydantic_core import PydanticCustomError

from etl.cluster import description
from etl.cluster.description import SshHosts
from etl.errors import JobError
from etl.executors import Executor
from etl.misplaced import hidden, is_connection
from etl.nearest import listed
from etl.references import redact
from etl.sweep import function as functions
from etl.sweep.function import Function

DEFAULT_DATABASE = "sqlite:///sweeps.db"
MAX_NAME_CHARS = 200  # of which each may take two of UTF-16, in which SQL Server counts


@dataclass(frozen=True, slots=True)
class Sweep:
    """A function on a list of inputs. Raises JobError for what does not fit together."""

    function: str | Function
    """`module:function`, or the function itself: it takes one input and returns what JSON has a form for."""
    inputs: Iterable[Any]
    """JSON values; the same one twice is one input."""
    name: str = ""
    """By which it is found again, to go on with or to export; by default the function's."""
    database: str = DEFAULT_DATABASE
    """A SQLAlchemy URL, or where one is kept (`env:NAME`, `file:PATH`)."""
    executor: Executor = "process"
    """process: a pool of workers; serial: in this process; dask: on a Dask cluster."""
    cluster: str | SshHosts | None = None
    """With dask, as a job has it."""
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    again: bool = False
    """Run inputs again whose results are of another version of the function."""

    def __post_init__(self) -> None:
        for text in (self.name, self.function):
            if isinstance(text, str) and is_connection(text):
                raise JobError(f"{hidden(text)} stands where a name belongs", advice="Give it as database.")
        if self.workers < 1:
            raise JobError("workers must be 1 or more")
        if self.executor not in get_args(Executor):
            raise JobError(f"executor must be {listed(get_args(Executor))}")
        try:
            object.__setattr__(self, "cluster", description.described(self.cluster))
        except PydanticCustomError as error:
            raise JobError(error.message()) from None
        if self.cluster is not None and self.executor != "dask":
            raise JobError("a cluster is for executor dask; give both or none")
        reference = functions.reference(self.function)
        name = self.name or reference
        if len(name) > MAX_NAME_CHARS or not name.isprintable():
            raise JobError(f"a sweep's name has 1 to {MAX_NAME_CHARS} characters that can be printed")
        if len(reference) > MAX_NAME_CHARS:
            raise JobError(f"the function's name has more than {MAX_NAME_CHARS} characters")
        object.__setattr__(self, "name", name)

    def __repr__(self) -> str:
        function = functions.reference(self.function)
        return f"Sweep({function}, name={self.name!r}, database={redact(self.database)!r}, workers={self.workers})"
