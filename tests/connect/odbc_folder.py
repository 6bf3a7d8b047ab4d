"""A rendered folder, and programs that are started with its exports."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from etl.odbc import files, profiles

SETTINGS = (
    "ODBCSYSINI",
    "ODBCINSTINI",
    "ODBCINI",
    "ODBCSEARCH",
    "FREETDSCONF",
    "FREETDS",
    "TDSDUMP",
    "TDSVER",
    "TDSPORT",
    "TDSHOST",
)


def etl_command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The `etl` command in a process of its own, since unixODBC keeps what it has once read."""
    return program("-c", "from etl.cli import main; main()", *arguments, **environment)


def program(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Python with these arguments, and with no settings of ODBC but those that are given."""
    plain = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    return subprocess.run(
        [sys.executable, *arguments],
        env=plain | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def rendered(
    folder: Path, profile: str, fields: profiles.Fields, driver: str, name: str | None = None
) -> dict[str, str]:
    """The exports of a folder that has the profile in it."""
    files.write(folder, files.render(profile, fields, driver, name))
    return files.exports(folder)
