"""What a job says of a database: a URL, or the place where one is kept; and the same without secrets."""

from __future__ import annotations

import os
from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.engine import URL

from etl import kept
from etl.errors import JobError
from etl.kept import Wanted
from etl.odbc import connection_string

SUPPORTED = {"mssql": "mssql+pyodbc", "sqlite": "sqlite"}
EXAMPLE = "mssql+pyodbc://user:password@host:1433/database"
PASSWORD_OPTION = "password_from"  # noqa: S105 - an option's name
REDACTED = "***"
"""What SQLAlchemy renders for a hidden password."""
SECRET_OPTIONS = frozenset({"odbc_connect", "password", "pwd"})
"""Options of a URL that are, or may hold, a password; SQLAlchemy hides only the one before the host."""


def resolve(reference: str, environment: Mapping[str, str] = os.environ) -> URL:
    """The URL that `reference` is, or that is kept where it says (`env:NAME`, `file:PATH`, `keyring:SERVICE/USER`).

    Its password may be kept apart: `mssql+pyodbc://user@host/db?password_from=file:PATH`. Raises JobError for what is not
    there, a text that is not a URL, a database that is not supported, or an option that the driver would pass over or that is
    known to crash it.
    """
    text = reference
    if kept.is_kept(reference):
        text = kept.fetch(reference, Wanted("database URL", EXAMPLE, environment))
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):  # ValueError for a port that is no number
        raise JobError(
            "the database URL cannot be read",
            advice=f"Write {EXAMPLE} or sqlite:///file.db, special characters of the password percent-encoded.",
        ) from None
    return checked(_with_password(url, environment))


def _with_password(url: URL, environment: Mapping[str, str]) -> URL:
    place = url.query.get(PASSWORD_OPTION)
    if place is None:
        return url
    if not isinstance(place, str) or not kept.is_kept(place):
        raise JobError(
            f"{PASSWORD_OPTION} does not say where the password is kept",
            advice="Write env:NAME, file:PATH or keyring:SERVICE/USER.",
        )
    if url.password is not None or url.username is None:
        raise JobError(f"{PASSWORD_OPTION} goes with a user without a password in the URL", advice="Write user@host.")
    password = kept.fetch(place, Wanted(f"password for {url.host}", "the password", environment))
    return url.difference_update_query([PASSWORD_OPTION]).set(password=password)


def checked(url: URL) -> URL:
    """The URL with the driver's defaults. Raises JobError as `resolve` does."""
    backend = url.get_backend_name()
    if backend not in SUPPORTED:
        raise JobError(f"{url.drivername} is not supported", advice="Use mssql+pyodbc:// (FreeTDS) or sqlite:///.")
    if backend == "sqlite":
        if not url.database or url.database == ":memory:":
            raise JobError("an in-memory SQLite database cannot be shared with workers", advice="Give it a file.")
        return url
    if "@" in f"{url.host}{url.database}":
        # Not shown: it may be a part of the password.
        raise JobError(
            "the URL has more than one @",
            advice="Percent-encode special characters of user and password: %40 for @, %2F for /, %3A for :, %25 for %.",
        )
    if url.get_driver_name() != "pyodbc":
        raise JobError(f"{url.drivername} is not supported", advice="Use mssql+pyodbc://.")
    if "fast_executemany" in url.query:
        raise JobError(
            "fast_executemany crashes the process on FreeTDS before 1.5.15",
            advice="Take it out of the URL; this project does not need it.",
        )
    return connection_string.checked(url)


def redact(reference: str) -> str:
    """The reference as it may be shown and stored: a place as it is, a URL without its password."""
    if kept.is_kept(reference):
        return reference
    try:
        url = sa.make_url(reference)
    except (sa.exc.ArgumentError, ValueError):
        return "(not a URL)"
    url = url.update_query_dict({name: REDACTED for name in url.query if name.lower() in SECRET_OPTIONS})
    return url.render_as_string(hide_password=True)


def is_redacted(reference: str) -> bool:
    """Whether `redact` has taken something out of the reference, so that it no longer opens a connection."""
    if kept.is_kept(reference):
        return False
    url = sa.make_url(reference)
    return url.password == REDACTED or REDACTED in url.query.values()
