"""Before anything is planned: every worker is asked whether it can do the job, and what travels to it is looked at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from etl import kept, references
from etl.cluster import answers
from etl.cluster.luggage import Luggage
from etl.errors import JobError
from etl.odbc.hosts import is_loopback

if TYPE_CHECKING:
    from etl.cluster.opening import Opened
    from etl.job import Job


def examine(opened: Opened, job: Job) -> None:
    """Raise JobError where a worker cannot do the job: what it lacks, and what to do."""
    luggage = Luggage.of(answers.question(job, travelling(opened, job)))
    said = opened.client.run(answers.answer, luggage, on_error="return")
    troubled = {worker: answer for worker, answer in said.items() if answer}
    if not troubled:
        return
    worker, answer = min(troubled.items())
    problem = answer[0] if isinstance(answer, list) else _not_understood(answer)
    others = f" ({len(troubled)} of {len(said)} workers cannot)" if len(troubled) > 1 else ""
    raise JobError(
        f"the worker {worker} of {opened.name} cannot do the job: {problem.message}{others}",
        state="Nothing was written.",
        advice=problem.advice,
    )


def require_shared(opened: Opened, folder: Path) -> None:
    """Raise JobError where a worker does not see what is written into the folder here."""
    path, content = answers.put_probe(folder)
    try:
        said = opened.client.run(answers.reads_probe, str(path), content, on_error="return")
    finally:
        path.unlink()
    blind = sorted(worker for worker, reads in said.items() if reads is not True)
    if blind:
        raise JobError(
            f"the job has no key ranges, so its rows are kept in {folder}, and the worker {blind[0]} of {opened.name} cannot"
            " read there",
            state="Nothing was written.",
            advice="Give a `spool_dir` on a disk that all machines share, or a `key` whose ranges make the chunks.",
        )


def travelling(opened: Opened, job: Job) -> Job:
    """The job as workers get it: places of secrets as they are, and a secret itself only where nobody can overhear it.

    Raises JobError for a URL with a password where a link of the cluster is neither encrypted nor inside of this machine.
    """
    changed = {}
    for name in ("source", "target"):
        reference = getattr(job, name)
        if not opened.is_own and reference.startswith(f"{kept.BLOCK}:"):
            # Only a flow's own process can read it.
            reference = changed[name] = references.resolve(reference).render_as_string(hide_password=False)
        if references.is_redacted(references.redact(reference)):
            _require_safe_links(opened, name)
    return job.model_copy(update=changed)


def _require_safe_links(opened: Opened, name: str) -> None:
    addresses = [_scheduler(opened), *opened.client.scheduler_info()["workers"]]
    open_to_others = next((address for address in addresses if not _is_safe(address)), None)
    if open_to_others is not None:
        raise JobError(
            f"the URL of the {name} holds a password, and links of {opened.name} are not encrypted ({open_to_others})",
            state="Nothing was written.",
            advice=f"Give {name}: env:NAME of a variable that is set on the workers, or let the cluster speak tls://.",
        )


def _scheduler(opened: Opened) -> str:
    assert opened.client.scheduler is not None
    return str(opened.client.scheduler.address)


def _is_safe(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme in {"tls", "inproc"} or is_loopback(parts.hostname or "")


def _not_understood(error: Any) -> answers.Problem:
    """Of a worker that cannot even be asked."""
    return answers.Problem(
        f"it does not understand the question: {type(error).__name__}: {error}",
        "It needs the same tablehaul as here: pip install 'tablehaul[dask]'.",
    )
