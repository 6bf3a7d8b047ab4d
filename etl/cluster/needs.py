"""What a job's workers need of this machine, where they are started over ssh: the code that it names, and its variables."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from etl import kept
from etl.cluster.description import Cluster, SshHosts
from etl.references import PASSWORD_OPTION

if TYPE_CHECKING:
    from etl.job import Job


OURS = __name__.partition(".")[0]
"""The host has it already, of the same version."""


def cluster_of(job: Job) -> Cluster:
    """The job's cluster; hosts over ssh with the job's own modules to send, and the variables that its URLs stand in."""
    cluster = job.cluster
    if not isinstance(cluster, SshHosts):
        return cluster
    variables = {name for reference in (job.source, job.target) for name in _variables(reference) if name in os.environ}
    return cluster.model_copy(
        update={
            "environment": tuple(sorted({*cluster.environment, *variables})),
            "send": (*cluster.send, *(path for path in _own_code(job) if path not in cluster.send)),
        }
    )


def _variables(reference: str) -> Iterator[str]:
    kind, _, name = reference.partition(":")
    if kind == "env":
        yield name
    elif kind == kept.BLOCK:
        yield kept.block_variable(name)
    elif not kept.is_kept(reference):
        place = sa.make_url(reference).query.get(PASSWORD_OPTION, "")
        if isinstance(place, str):
            yield from _variables(place) if kept.is_kept(place) else ()


def _own_code(job: Job) -> Iterator[Path]:
    """The files, or packages' folders, of the modules that the job names, where they stand in the working folder."""
    for module in sorted({reference.partition(":")[0].partition(".")[0] for reference in job.named_objects.values()}):
        spec = None if module in {OURS, "__main__"} else importlib.util.find_spec(module)
        if spec is None or spec.origin is None:
            continue
        place = Path(spec.origin).resolve()
        place = place.parent if spec.submodule_search_locations else place
        is_installed = any(place.is_relative_to(prefix) for prefix in {sys.prefix, sys.base_prefix})
        if place.is_relative_to(Path.cwd()) and not is_installed:
            yield place
