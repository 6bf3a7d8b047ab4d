"""The files by which unixODBC and FreeTDS find a server, filled in from the templates in `odbc/`, without root or secrets.

A profile is a section of that name in `freetds.conf` and in `odbc.ini`; a setting whose value is not given is left out,
together with the comment above it.
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from etl.errors import JobError
from etl.odbc.ini_sections import IniText
from etl.odbc.profiles import Fields, is_unfit, values_of
from etl.statements import data_folder

DRIVERS_FILE, SOURCES_FILE, SERVERS_FILE = "odbcinst.ini", "odbc.ini", "freetds.conf"
DRIVER_NAME = "FreeTDS"
MAX_SERVERS_LINE_BYTES = 254
"""Of a line in freetds.conf; FreeTDS takes what is longer for two lines (`src/tds/config.c`, tds_read_conf_section)."""
MAX_SOURCES_LINE_BYTES = 998
"""Of a line in odbc.ini (unixODBC's `include/ini.h`, INI_MAX_LINE)."""

PREAMBLE = (
    "# Written by `etl odbc render`, which replaces the sections of the server that it is asked for and no others.",
    "# The template of the same name in the project's folder odbc/ says more.",
)

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
RESERVED_NAMES = frozenset({"default", "global", "odbc"})
"""Sections with a meaning of their own: [default] and [ODBC] to unixODBC, [global] to FreeTDS."""


def render(profile: str, fields: Fields, driver: str, name: str | None = None) -> dict[str, str]:
    """The three files' texts by file name, for one server.

    `driver` is the path of the driver's library; `name`, by default the profile's, becomes the data source's. Raises
    JobError for an unknown profile, and for a field that is missing, that the profile does not take or a line cannot hold.
    """
    values = values_of(profile, fields)
    source = _checked_name(name or profile)
    # Azure finds the server by this name, which FreeTDS puts into its login (MS-TDS 2.2.6.4, ServerName).
    server = values["host"] if profile == "azure" else source
    _check_driver(driver)
    servers = _template(SERVERS_FILE).only("global", profile).filled(values).renamed(profile, server)
    sources = _template(SOURCES_FILE).only(profile).filled({**values, "server": server}).renamed(profile, source)
    drivers = _template(DRIVERS_FILE).only(DRIVER_NAME).filled({"driver": driver})
    _check_lengths(servers, MAX_SERVERS_LINE_BYTES)
    _check_lengths(sources, MAX_SOURCES_LINE_BYTES)
    texts = {DRIVERS_FILE: drivers, SOURCES_FILE: sources, SERVERS_FILE: servers}
    return {file: str(replace(text, preamble=PREAMBLE)) for file, text in texts.items()}


def write(folder: Path, texts: Mapping[str, str]) -> None:
    """Put the files' sections into the folder, which is made when it is not there. Other sections that stand there stay.

    Raises JobError for a folder that others may write to: whoever can change these files chooses the driver's library,
    the server and the authority that is trusted.
    """
    try:
        folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        found = folder.stat()
        if found.st_uid != os.getuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise JobError(
                f"{folder} can be written by others, who could then send these connections elsewhere",
                advice=f"Choose a folder of your own with --out, or: chmod 700 {folder}",
            )
        for name, text in texts.items():
            _replace(folder / name, text)
    except OSError as error:
        raise JobError(
            f"cannot write {error.filename or folder}: {error.strerror}", advice="Choose another folder with --out."
        ) from error


def default_folder() -> Path:
    """Where the files go unless --out says otherwise: the user's configuration."""
    configuration = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(configuration) / "etl" / "odbc"


def exports(folder: Path) -> dict[str, str]:
    """The variables by which unixODBC and FreeTDS find the files in the folder.

    ODBCINSTINI only where it is set, since unixODBC would look for a file of that name in the folder.
    """
    settings = {
        "ODBCSYSINI": str(folder),
        "ODBCINI": str(folder / SOURCES_FILE),
        "FREETDSCONF": str(folder / SERVERS_FILE),
    }
    return settings | ({"ODBCINSTINI": DRIVERS_FILE} if "ODBCINSTINI" in os.environ else {})


def _checked_name(name: str) -> str:
    if NAME.fullmatch(name) is None or name.lower() in RESERVED_NAMES:
        raise JobError(
            f"{name!r} cannot be the name of a data source",
            advice="Use up to 32 letters, digits, dots, - or _; not global, default or odbc.",
        )
    return name


def _check_driver(driver: str) -> None:
    if is_unfit(driver) or not driver.startswith("/") or len(os.fsencode(driver)) > MAX_SOURCES_LINE_BYTES // 2:
        raise JobError(f"{driver!r} is not the path of a driver's library", advice="Give its whole path with --driver.")


def _check_lengths(text: IniText, limit_bytes: int) -> None:
    for line in str(text).splitlines():
        if len(line.encode()) > limit_bytes:
            raise JobError(
                f"this line is longer than the {limit_bytes} bytes that can be read: {line.strip()[:60]}…",
                advice="Use a shorter path or name.",
            )


def _template(name: str) -> IniText:
    return IniText.parse((data_folder("odbc") / name).read_text(encoding="utf-8"))


def _replace(path: Path, text: str) -> None:
    """Put the text's sections into the file, at once: who reads it meanwhile sees the old file or the new one."""
    mode = 0o600
    if path.exists():
        mode = stat.S_IMODE(path.stat().st_mode)
        before = path.read_text(encoding="utf-8", errors="surrogateescape")
        text = str(IniText.parse(before).merged(IniText.parse(text)))
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
