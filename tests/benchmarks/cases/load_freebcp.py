"""FreeTDS's freebcp from a file of characters, in one batch."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks.case import Case, NotAvailableError, Place
from tests.benchmarks.frame import python_rows
from tests.benchmarks.tables import emptied

_SEPARATOR, _ROW_END = "\x1f", "\x1e\n"
"""No text has them."""


def prepare(place: Place) -> Callable[[], int]:
    program = shutil.which("freebcp")
    if program is None:
        raise NotAvailableError("freebcp (Debian: freetds-bin) is not installed")
    connection = emptied(place)
    folder = tempfile.TemporaryDirectory()
    file = Path(folder.name) / "rows"
    with file.open("w", encoding="utf-8", newline="") as out:
        for row in python_rows(place):
            out.write(_SEPARATOR.join(map(_text, row)) + _ROW_END)
    command = [program, f"{place.database}.dbo.{place.empty_table}", "in", str(file), "-c"]
    command += ["-t", _SEPARATOR, "-r", _ROW_END, "-b", str(place.count + 1)]
    # A password of - is read from the input, where no list of processes shows it.
    command += ["-S", f"{place.host}:{place.port}", "-U", place.user, "-P", "-"]
    settings = Path(folder.name) / "freetds.conf"
    settings.write_text("[global]\nclient charset = UTF-8\ntds version = 7.4\n")
    environment = {**os.environ, "FREETDSCONF": str(settings)}

    def load() -> int:
        with folder:
            done = subprocess.run(
                command, input=f"{place.password}\n", capture_output=True, text=True, check=False, env=environment
            )
        if done.returncode != 0:
            raise RuntimeError(f"freebcp ended with {done.returncode}: {' '.join(done.stderr.split())[-200:]}")
        return int(connection.execute(f"SELECT COUNT(*) FROM {place.empty_table}").fetchval())

    return load


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.hex()
    return str(int(value)) if isinstance(value, bool) else str(value)


CASE = Case("load", "freebcp from text", prepare)
