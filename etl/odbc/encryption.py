"""How much of a connection is encrypted and whom it trusts: what the URL asks for, what FreeTDS is told, what the server says.

FreeTDS 1.3 checks a certificate only where its configuration file says so, and reads that file only for a server that is named
by its section (`src/odbc/connectparams.c`). So a URL with a `ca_file` gets a section in a file of its own. And what
it is told to require it does not hold to: where the server answers that only the login shall be encrypted, the rest goes in
clear text (`src/tds/login.c`, tds71_do_login). So the server is asked what it sees.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import URL, Engine

from etl import statements
from etl.errors import ConnectError, JobError
from etl.odbc import profiles
from etl.odbc.hosts import is_loopback

LEVELS = ("off", "request", "require")
YES, NO = frozenset({"yes", "true", "1", "on"}), frozenset({"no", "false", "0", "off"})
CONFIGURATION_VARIABLE = "FREETDSCONF"
NO_RIGHT = frozenset({229, 297, 300})
"""Errors of a login that may not look into sys.dm_exec_connections (VIEW SERVER SECURITY STATE)."""


@dataclass(frozen=True, slots=True)
class Security:
    """What a connection promises."""

    level: str | None
    """One of LEVELS; None where a data source's own settings say."""
    ca_file: str | None
    """Whose signature the server's certificate must bear: a PEM file, or `system`; None: it is not looked at."""
    checks_host: bool
    """Whether the certificate must be for the host of the URL."""


def of(url: URL) -> Security:
    """What a URL asks for, with options as `connection_string.checked` leaves them. Raises JobError for contradictions."""
    level, ca_file = _option(url, "Encryption"), _option(url, "ca_file")
    if level is not None and level not in LEVELS:
        raise JobError(f"Encryption={level} means nothing to FreeTDS", advice="Write require, request or off.")
    if ca_file is None:
        if _option(url, "check_hostname") is not None:
            raise JobError(
                "check_hostname says how to check a certificate, and none is checked", advice="Add ca_file=."
            )
        return Security(level, None, checks_host=False)
    if level != "require":
        raise JobError(f"a certificate is checked with Encryption=require, not {level}", advice="Take one of them out.")
    if not url.host:
        raise JobError("ca_file needs a host in the URL", advice="In a data source it stands in freetds.conf.")
    checks_host = is_true(_option(url, "check_hostname") or "yes", "check_hostname")
    return Security(level, profiles.certificate_file(ca_file), checks_host)


def is_true(value: str, option: str) -> bool:
    """What a yes-or-no option says. Raises JobError for anything else."""
    if value.lower() not in YES | NO:
        raise JobError(f"{option}={value} is neither yes nor no", advice="Write yes or no.")
    return value.lower() in YES


def _option(url: URL, name: str) -> str | None:
    value = url.query.get(name)
    return value if value is None else str(value)


# What FreeTDS is told


@contextmanager
def configured(url: URL) -> Iterator[None]:
    """Around a connect: where a certificate is checked, FreeTDS finds a section named as the URL's host, with what it asks for.

    Only then, since it would find it for every other program's connections in this process too.
    """
    security = of(url)
    if security.ca_file is None:
        yield
        return
    with _configuration_lock:
        own = os.environ.get(CONFIGURATION_VARIABLE)
        os.environ[CONFIGURATION_VARIABLE] = str(_configuration(_section(url, security)))
        try:
            yield
        finally:
            del os.environ[CONFIGURATION_VARIABLE]
            if own is not None:
                os.environ[CONFIGURATION_VARIABLE] = own


_configuration_lock = threading.Lock()


def _section(url: URL, security: Security) -> str:
    settings = {
        "host": url.host,
        "port": url.port,
        "instance": _option(url, "instance"),
        "encryption": security.level,
        "ca file": security.ca_file,
        "check certificate hostname": "yes" if security.checks_host else "no",
    }
    for field in ("host", "instance", "ca file"):
        if settings[field] is not None:
            profiles.require(field.replace(" ", "_"), str(settings[field]))
    # A login carries the section's name as the server's, by which Azure SQL finds it (error 40532).
    return f"[{url.host}]\n" + "".join(f"\t{name} = {value}\n" for name, value in settings.items() if value is not None)


@cache
def _configuration(text: str) -> Path:
    """A file with this text, as long as the process lasts."""
    folder = tempfile.mkdtemp(prefix="etl-freetds-")  # nobody else can write there
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = Path(folder, "freetds.conf")
    path.write_text(text, encoding="utf-8")
    return path


def connect_configured(engine: Engine, url: URL) -> None:
    """Have the engine make its connections so."""

    @event.listens_for(engine, "do_connect")
    def connecting(dialect: Any, _record: object, arguments: list[Any], options: dict[str, Any]) -> Any:
        with configured(url):
            return dialect.loaded_dbapi.connect(*arguments, **options)


# What the server says


def watch(engine: Engine, security: Security, where: str) -> None:
    """Refuse the engine's connections with ConnectError where the server says that they are not encrypted and they must be."""
    if security.level in {"off", "request"}:
        return
    seen: list[bool] = []

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        if seen:
            return
        is_encrypted = _as_the_server_sees_it(connection, security)
        if not is_encrypted:
            raise ConnectError(
                f"the connection to {where} is not encrypted, and it must be",
                advice="Let the server offer TLS. Or say by name that clear text will do: Encryption=request in the URL.",
            )
        seen.append(True)


def _as_the_server_sees_it(connection: Any, security: Security) -> bool:
    """Also True where the login may not know, or the level is not the URL's and the client is on the server's machine."""
    import pyodbc

    from etl import errors

    try:
        with connection.cursor() as cursor:
            row = cursor.execute(statements.load("connection_encryption")).fetchone()
        connection.commit()
    except pyodbc.Error as error:
        # The error has rolled the transaction back, or left it; either way it ends here.
        connection.rollback()
        if errors.server_number(error) in NO_RIGHT:
            return True
        raise
    if row is None or str(row.encrypt_option).upper() == "TRUE":
        return True
    address = str(row.client_net_address)
    return security.level is None and (is_loopback(address) or address == "<local machine>")
