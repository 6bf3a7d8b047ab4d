"""FreeTDS's freebcp from a file of characters, in one batch."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from etl.sandbox.sqltypes import Value
from tests.benchmarks.case import Case, NotAvailableError, Place
from tests.benchmarks.data import EMPTY_TABLE, rows
from tests.benchmarks.emptied import emptied

_SEPARATOR = "|"


def prepare(place: Place) -> Callable[[], int]:
    program = shutil.which("freebcp")
    if program is None:
        raise NotAvailableError("freebcp (Debian: freetds-bin) is not installed")
    connection = emptied(place)
    folder = tempfile.TemporaryDirectory()
    file = Path(folder.name) / "rows"
    with file.open("w", encoding="utf-8") as out:
        for row in rows(place.count):
            out.write(_SEPARATOR.join(map(_text, row)) + "\n")
    command = [program, f"{place.database}.dbo.{EMPTY_TABLE}", "in", str(file), "-c", "-t", _SEPARATOR]
    command += ["-S", f"{place.host}:{place.port}", "-U", place.user, "-P", place.password]
    command += ["-b", str(place.count + 1)]
    settings = Path(folder.name) / "freetds.conf"
    settings.write_text("[global]\nclient charset = UTF-8\ntds version = 7.4\n")
    environment = {**os.environ, "FREETDSCONF": str(settings)}

    def load() -> int:
        with folder:
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
        return int(connection.execute(f"SELECT COUNT(*) FROM {EMPTY_TABLE}").fetchval())

    return load


def _text(value: Value) -> str:
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, bool) else str(value)


CASE = Case("load", "freebcp from text", prepare)
