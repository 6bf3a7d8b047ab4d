"""What is on this machine: Python, packages, unixODBC, and the URL itself."""

from __future__ import annotations

import os
import platform
import re
import sys
from importlib import metadata

from etl.doctor.case import Case
from etl.doctor.findings import Finding, fail, ok, warn
from etl.odbc.setup import WINNING_VARIABLES

DISTRIBUTION = "tablehaul"
NEEDED = ("pyodbc", "sqlalchemy", "pandas", "arrow-odbc", "pyarrow")
"""What moves rows; shown with their versions."""
OLDEST_PYTHON = (3, 11)


def python(_case: Case) -> Finding:
    """The interpreter."""
    found = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info < OLDEST_PYTHON:
        return fail(found, "pyodbc shows its ODBC handles from Python 3.11 on.", "Use Python 3.11 or newer.")
    return ok(found)


def packages(_case: Case) -> Finding:
    """The project's requirements, as its distribution states them."""
    missing, old = [], []
    for name, bound in _requirements():
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
            continue
        if bound and _numbers(version) < _numbers(bound):
            old.append(f"{name} {version} (needs {bound})")
    if missing or old:
        parts = [f"missing: {', '.join(missing)}" if missing else "", f"too old: {', '.join(old)}" if old else ""]
        return fail(
            "; ".join(part for part in parts if part),
            "The project cannot run without them.",
            f"In this environment ({sys.prefix}): `make setup` in a clone, else pip install --upgrade the wheel.",
        )
    return ok(", ".join(f"{name} {metadata.version(name)}" for name in NEEDED))


def _requirements() -> list[tuple[str, str]]:
    """(name, least version or '') of what is always needed; from a bare source folder only what moves rows."""
    try:
        stated = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return [(name, "") for name in NEEDED]
    found = []
    for requirement in stated:
        if "extra ==" in requirement:
            continue
        name = re.match(r"[\w.-]+", requirement)
        bound = re.search(r">=\s*([\d.]+)", requirement)
        assert name is not None
        found.append((name[0], bound[1] if bound else ""))
    return found


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:3])


def unixodbc(case: Case) -> Finding:
    """The driver manager, by which both readers and writers reach their driver, and its files."""
    try:
        import pyodbc
    except ImportError as error:
        return fail(
            f"unixODBC cannot be loaded: {error}",
            "pyodbc and arrow-odbc bring no driver manager of their own: they need the system's.",
            "Install it, with the driver: `sh odbc/install.sh` (Debian: apt-get install unixodbc tdsodbc).",
        )
    found = f"unixODBC {case.setup.unixodbc_version}, drivers: {', '.join(pyodbc.drivers()) or 'none'}"
    files = tuple(f"{file.role}: {file.path}" for file in case.setup.files if file.exists)
    winning = [name for name in WINNING_VARIABLES if name in os.environ]
    if winning:
        return warn(
            f"{found}; {', '.join(winning)} is set",
            "FreeTDS obeys these variables before any file, URL or connection string.",
            f"unset {' '.join(winning)}",
            files,
        )
    return ok(found, details=files)


def url(case: Case) -> Finding:
    """The URL, without its secrets."""
    endpoint = case.endpoint
    role = "a source: only reading is tried" if case.read_only else "read and written"
    user = endpoint.url.username
    return ok(f"{endpoint.label}, as {user or 'the user that the connection string names'}; {role}")
