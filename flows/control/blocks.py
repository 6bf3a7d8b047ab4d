"""Prefect's blocks as places where URLs and passwords are kept: `block:NAME` in a job, wherever `env:NAME` may stand.

A flow reads them when it starts, into the environment of its process. From there worker processes take them as they take
`env:NAME`, without Prefect; parameters, ledger, artifacts and logs have the block's name only.
"""

import os
from collections.abc import Iterator

import sqlalchemy as sa
from prefect.blocks.system import Secret
from prefect.exceptions import ObjectNotFound
from prefect_sqlalchemy import ConnectionComponents, SqlAlchemyConnector  # type: ignore[import-untyped]  # has no py.typed

from etl import kept
from etl.errors import JobError
from etl.job import Job
from etl.references import PASSWORD_OPTION

PLACE = f"{kept.BLOCK}:"
CONNECTOR, SECRET = "sqlalchemy-connector", "secret"
"""Prefect's slugs of the types of blocks that are read. `block:secret/NAME` says which is meant where both have the name."""


def fetch(job: Job) -> None:
    """Read the blocks that the job names. Raises JobError for one that is not there, or holds something else."""
    for reference in (job.source, job.target):
        fetch_named(reference)


def fetch_named(reference: str) -> None:
    """Read the block that a reference to a database names, if it names one. Raises JobError as `fetch` does."""
    for name in _named(reference):
        url = _fetch_one(name)
        for password in _named(url):  # A URL in a block may have its password in another one.
            _fetch_one(password)


def _fetch_one(name: str) -> str:
    held = os.environ[kept.block_variable(name)] = _held(name)
    return held


def _named(reference: str) -> Iterator[str]:
    """The name of the block that the reference is, or that its password is in."""
    if reference.startswith(PLACE):
        yield reference.removeprefix(PLACE)
    if kept.is_kept(reference):
        return
    try:
        place = sa.make_url(reference).query.get(PASSWORD_OPTION)
    except (sa.exc.ArgumentError, ValueError):  # It is no URL: a password, or what the job's own check refuses.
        return
    if isinstance(place, str) and place.startswith(PLACE):
        yield place.removeprefix(PLACE)


def _held(name: str) -> str:
    kind, _, own_name = name.rpartition("/")
    if kind not in {"", CONNECTOR, SECRET}:
        raise JobError(
            f"block:{name} is of a type that holds no URL", advice=f"Use a block of type {CONNECTOR} or {SECRET}."
        )
    found = _connector_url(own_name) if kind in {"", CONNECTOR} else None
    if found is None and kind in {"", SECRET}:
        found = _secret(own_name)
    if found is None:
        raise JobError(
            f"there is no block {name} of type {kind or f'{CONNECTOR} or {SECRET}'}",
            advice="`prefect block ls` lists the blocks of the Prefect server that this flow run belongs to.",
        )
    return found


def _connector_url(name: str) -> str | None:
    """The URL of prefect-sqlalchemy's block of that name, if there is one."""
    try:
        block = SqlAlchemyConnector.load(name)
    except ValueError as error:
        if isinstance(error.__cause__, ObjectNotFound):
            return None
        raise
    assert isinstance(block, SqlAlchemyConnector)
    if block.connect_args:
        raise JobError(
            f"block:{name} has connect_args ({', '.join(block.connect_args)}), which are not read",
            advice="Put what the driver has to know into the URL's query.",
        )
    info = block.connection_info
    url = info.create_url() if isinstance(info, ConnectionComponents) else sa.make_url(str(info))
    return url.render_as_string(hide_password=False)


def _secret(name: str) -> str | None:
    """The text in Prefect's Secret block of that name, if there is one."""
    try:
        block = Secret.load(name)
    except ValueError as error:
        if isinstance(error.__cause__, ObjectNotFound):
            return None
        raise
    assert isinstance(block, Secret)
    value = block.get()
    if not isinstance(value, str):
        raise JobError(f"block:{name} holds no text", advice="Store the URL, or the password, as text.")
    return value
