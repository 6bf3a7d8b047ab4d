"""How much of a connection is encrypted and whom it trusts: what the URL asks for, what FreeTDS is told, what the server says.

FreeTDS 1.3 checks a certificate only where its configuration file says so, and reads that file only for a server that is named
by its section (`src/odbc/connectparams.c`). So a URL with a `ca_file` gets a section in a file of this process's own. And what
it is told to require it does not hold to: where the server answers that only the login shall be encrypted, the rest goes in
clear text (`src/tds/login.c`, tds71_do_login). So the server is asked what it sees.
"""

from __future__ import annotations

import atexit
import hashlib
import ipaddress
import os
import shutil
import tempfile
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.engine import URL, Engine

from etl import statements
from etl.errors import ConnectError, JobError
from etl.odbc import profiles

LEVELS = ("off", "request", "require")
YES, NO = frozenset({"yes", "true", "1", "on"}), frozenset({"no", "false", "0", "off"})
CONFIGURATION_VARIABLE = "FREETDSCONF"
AS_IT_IS: Final = "surrogateescape"
"""A user's file need not be UTF-8, and is written again as it was read."""
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


def is_loopback(host: str) -> bool:
    """Whether what goes there never leaves this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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


def section(url: URL, security: Security) -> str:
    """The name of a section of FreeTDS's configuration with the server and the checks, which it finds from now on."""
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
    text = "".join(f"\t{name} = {value}\n" for name, value in settings.items() if value is not None)
    # A login carries the section's name as the server's, by which Azure SQL finds it (error 40532).
    name = str(url.host)
    with _configuration_lock:
        sections = _sections()
        if sections.get(name.lower(), text) != text:
            # FreeTDS would mix the two (`src/tds/config.c`, tds_read_conf_section).
            name += f"-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
        if name.lower() not in sections:
            with _configuration().open("a", encoding="utf-8", errors=AS_IT_IS) as file:
                file.write(f"[{name}]\n{text}")
    return name


_configuration_lock = threading.Lock()


def _sections() -> dict[str, str]:
    """The configuration's sections: their names in lower case, in which FreeTDS compares them, and their text."""
    sections: dict[str, str] = {}
    name = ""
    for line in _configuration().read_text(encoding="utf-8", errors=AS_IT_IS).splitlines(keepends=True):
        if line.lstrip().startswith("["):
            name = line.strip().strip("[]").lower()
            line = ""  # noqa: PLW2901 - what follows it is the section
        sections[name] = sections.get(name, "") + line
    return sections


@cache
def _configuration() -> Path:
    """This process's file, which begins with what the user's own says, since FreeTDS reads that no more."""
    folder = tempfile.mkdtemp(prefix="etl-freetds-")  # nobody else can write there
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path, own = Path(folder, "freetds.conf"), os.environ.get(CONFIGURATION_VARIABLE)
    text = Path(own).read_text(encoding="utf-8", errors=AS_IT_IS) if own and Path(own).is_file() else ""
    path.write_text(text if not text or text.endswith("\n") else f"{text}\n", encoding="utf-8", errors=AS_IT_IS)
    os.environ[CONFIGURATION_VARIABLE] = str(path)
    return path


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
