"""What was measured with what: the report's header."""

from __future__ import annotations

import datetime as dt
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pyodbc
import sqlalchemy as sa

_PACKAGES = (
    "pandas",
    "pyarrow",
    "pyodbc",
    "sqlalchemy",
    "arrow-odbc",
    "mssql-python",
    "pymssql",
    "python-tds",
    "connectorx",
    "dlt",
)


def found(url: sa.URL) -> dict[str, str]:
    """Names and versions of what is between a frame and its table, and the day."""
    with sa.create_engine(url).connect() as connection:
        raw = connection.connection.dbapi_connection
        assert raw is not None
        driver = raw.getinfo(pyodbc.SQL_DRIVER_VER)
        server = str(connection.exec_driver_sql("SELECT @@VERSION").scalar_one()).split("\n", maxsplit=1)[0].strip()
    packages = {name: _version(name) for name in _PACKAGES}
    return {
        "date": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "server": server,
        "system": f"{platform.system()} {platform.release()}, {_distribution()}",
        "processor": f"{os.cpu_count()} cores of {_processor()}",
        "python": platform.python_version(),
        "FreeTDS": driver,
        **{name: text for name, text in packages.items() if text},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return "unknown distribution"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
