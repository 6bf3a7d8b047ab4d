"""The ODBC driver: registered, there, loaded by unixODBC; FreeTDS's version and its bugs."""

from __future__ import annotations

import os
import re
from pathlib import Path

from etl import errors
from etl.doctor import freetds_bugs
from etl.doctor.case import Case
from etl.doctor.findings import Finding, fail, ok, warn
from etl.errors import DriverMissing
from etl.odbc import setup
from etl.odbc.libraries import load_problem
from etl.odbc.setup import Driver

TIMEOUT_SEC = 5
INSTALL = (
    "`sh odbc/install.sh` installs FreeTDS and registers it as [FreeTDS]; `etl odbc show` shows what is registered."
)


def loads(case: Case) -> Finding:
    """Whether unixODBC finds the driver and can load it: a connection to no server, which only a loaded driver refuses."""
    import pyodbc

    try:
        pyodbc.connect(f"DRIVER={{{case.driver}}};SERVER=", timeout=TIMEOUT_SEC).close()
    except pyodbc.Error as error:
        if isinstance(errors.from_connect(error, case.driver), DriverMissing):
            return _missing(case, errors.server_message(error))
    driver = _registered(case)
    return ok(f"{case.driver} loads" + (f": {driver.path or driver.library}" if driver else ""))


def _missing(case: Case, said: str) -> Finding:
    driver = _registered(case)
    if driver is None:
        known = ", ".join(found.name for found in case.setup.drivers) or "none"
        return fail(
            f"no driver {case.driver} is registered",
            f"{case.drivers_file} has these: {known}.",
            f"{INSTALL} Or name another one in the URL with driver=.",
        )
    where = (
        "driver= in the URL" if os.sep in case.driver else f"`Driver =` under [{driver.name}] in {case.drivers_file}"
    )
    return fail(
        f"the driver {driver.name} ({driver.library or 'no library'}) cannot be loaded: {driver.problem or said}",
        "The file is not there, is damaged or for another machine, or lacks a library that it needs itself.",
        f"Correct {where}. {INSTALL}",
    )


def _registered(case: Case) -> Driver | None:
    name = case.driver
    if os.sep in name:
        version, _ = setup.read_freetds(Path(name))
        return Driver(name, name, name, version, load_problem(name))
    return next((found for found in case.setup.drivers if found.name.lower() == name.lower()), None)


def freetds(case: Case) -> Finding:
    """FreeTDS's version, and which of its known bugs it has."""
    driver = _registered(case)
    found = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", (driver.freetds_version if driver else None) or "")
    if found is None:
        return warn(
            f"{case.driver} is not FreeTDS, or does not tell its version",
            "Bulk copy is FreeTDS's: over another driver rows are written by INSERT, far slower.",
            "Use driver=FreeTDS in the URL.",
        )
    version = (int(found[1]), int(found[2]), int(found[3] or 0))
    bugs = freetds_bugs.applying(version)
    return ok(
        f"FreeTDS {found[0]}; {len(bugs)} known bugs apply, each worked around",
        "This project's rows are safe from them; other programs over the same driver are not:",
        tuple(map(str, bugs)),
    )
