"""dlt's mssql destination, from an Arrow table, into a schema of its own, since it makes tables for its own state there.

It takes no driver but Microsoft's, by name (`MsSqlCredentials.SUPPORTED_DRIVERS`), so FreeTDS is given one of these names
here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from tests.benchmarks.case import DLT_SCHEMA, Case, NotAvailableError, Place, installed
from tests.benchmarks.tables import connected

_DRIVER = "ODBC Driver 17 for SQL Server"


def prepare(place: Place) -> Callable[[], int]:
    folder = tempfile.TemporaryDirectory(prefix="dlt_")
    _register_freetds(Path(folder.name))
    os.environ |= {"DLT_DATA_DIR": folder.name, "RUNTIME__DLTHUB_TELEMETRY": "false"}
    dlt = installed("dlt")
    installed("dlt.destinations.impl.mssql.mssql")
    connection = connected(place)
    connection.execute(f"IF SCHEMA_ID('{DLT_SCHEMA}') IS NULL EXEC('CREATE SCHEMA {DLT_SCHEMA}')")
    connection.execute(f"DROP TABLE IF EXISTS {place.empty_table}")
    connection.execute(place.dataset.create_table(place.empty_table))
    url = sa.make_url(place.url()).set(drivername="mssql").update_query_dict({"driver": _DRIVER})
    destination = dlt.destinations.mssql(url.render_as_string(hide_password=False))
    pipeline = dlt.pipeline("tablehaul_bench", folder.name, destination=destination, dataset_name=DLT_SCHEMA)
    table, name = place.table(), place.empty_table.partition(".")[2]
    # Makes its tables, and looks up the target's columns.
    pipeline.run(table.slice(0, 1), table_name=name, write_disposition="append")
    connection.execute(f"TRUNCATE TABLE {place.empty_table}")

    def load() -> int:
        with folder:
            pipeline.run(table, table_name=name, write_disposition="append").raise_on_failed_jobs()
        return int(connection.execute(f"SELECT COUNT(*) FROM {place.empty_table}").fetchval())

    return load


def _register_freetds(folder: Path) -> None:
    """Give FreeTDS the name for this process: unixODBC reads `odbcinst.ini` in the folder that ODBCSYSINI names."""
    if shutil.which("odbcinst") is None:
        raise NotAvailableError("odbcinst (Debian: odbcinst) is not installed, which tells where FreeTDS's driver is")
    found = subprocess.run(["odbcinst", "-q", "-d", "-n", "FreeTDS"], capture_output=True, text=True, check=True)
    settings = "\n".join(line for line in found.stdout.splitlines() if not line.startswith("["))
    (folder / "odbcinst.ini").write_text(f"[FreeTDS]\n{settings}\n\n[{_DRIVER}]\n{settings}\n")
    os.environ["ODBCSYSINI"] = str(folder)


CASE = Case("load", "dlt", prepare, share=0.02, schema=DLT_SCHEMA)
