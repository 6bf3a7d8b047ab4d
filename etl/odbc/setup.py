"""What unixODBC and FreeTDS use on this machine: their files, the drivers and the data sources. Changes nothing.

unixODBC is asked through its own installer library. That makes empty files where it finds none (`_odbcinst_UserINI`,
`iniOpen`), so it is only ever asked about files that exist.
"""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from etl.errors import DriverMissing
from etl.odbc.files import DRIVER_NAME, SERVERS_FILE
from etl.odbc.ini_sections import IniText
from etl.odbc.libraries import DRIVER_FILES, DriverManager, find_library, load_problem
from etl.statements import data_folder

FILE_VARIABLES = ("ODBCINI", "FREETDSCONF")
WINNING_VARIABLES = ("TDSVER", "TDSPORT", "TDSHOST")
VARIABLES = ("ODBCSYSINI", "ODBCINSTINI", "ODBCSEARCH", "FREETDS", "TDSDUMP", *FILE_VARIABLES, *WINNING_VARIABLES)
"""The environment that decides which files unixODBC and FreeTDS read, and what wins over all that they say."""

FREETDS_VERSION = re.compile(rb"freetds v([0-9][\w.+-]*)\0")
FREETDS_SERVERS_FILE = re.compile(rb"\0(/[\x20-\x7e]+/freetds\.conf)\0")
"""Both stand in the driver's library: what it was built as, and the last file that it looks for servers in."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that is looked for. `sections` are the names in it."""

    role: str
    path: str
    exists: bool
    problem: str
    sections: list[str]


@dataclass(frozen=True, slots=True)
class Driver:
    """A driver that is registered: the library that it names, where that is, and why it cannot be used, if so."""

    name: str
    library: str
    path: str
    freetds_version: str | None
    problem: str


@dataclass(frozen=True, slots=True)
class DataSource:
    """A data source that unixODBC knows. `server` is a section of freetds.conf, or a host."""

    name: str
    file: str
    driver: str
    server: str
    database: str
    problem: str


@dataclass(frozen=True, slots=True)
class Setup:
    """All of it. `to_do` says in words what has to be done before a connection can be made."""

    unixodbc_version: str | None
    unixodbc_library: str | None
    freetds_version: str | None
    freetds_library: str | None
    environment: dict[str, str]
    files: list[File]
    servers_files: list[File]
    drivers: list[Driver]
    data_sources: list[DataSource]
    to_do: list[str]


def look(manager: DriverManager | None) -> Setup:
    """What is used by the programs that are started in this environment. `manager` is None where unixODBC is not installed."""
    files = _odbc_files(manager)
    drivers = list(_drivers(manager, files))
    library = _library(drivers)
    version, last_servers_file = read_freetds(library) if library else (None, None)
    servers_files = list(_servers_files(last_servers_file))
    data_sources = list(_data_sources(manager, files, drivers, servers_files))
    return Setup(
        unixodbc_version=manager.version() if manager else None,
        unixodbc_library=manager.path if manager else None,
        freetds_version=version,
        freetds_library=str(library) if library else None,
        environment={name: os.environ[name] for name in VARIABLES if name in os.environ},
        files=files,
        servers_files=servers_files,
        drivers=drivers,
        data_sources=data_sources,
        to_do=list(_to_do(manager, drivers, library)),
    )


def _library(drivers: list[Driver]) -> Path | None:
    """The FreeTDS driver's library: of a registered one that loads, else one where distributions put it."""
    usable = [driver for driver in drivers if driver.freetds_version is not None and not driver.problem]
    chosen = next((driver for driver in usable if driver.name == DRIVER_NAME), usable[0] if usable else None)
    return Path(chosen.path) if chosen else find_library(*DRIVER_FILES)


def driver_library() -> str:
    """The FreeTDS driver's library, registered or not. Raises DriverMissing."""
    library = look(DriverManager.load()).freetds_library
    if library is None:
        raise DriverMissing(
            "the FreeTDS driver (libtdsodbc.so) is not in any of the folders where systems put it",
            advice=f"Install it: {_installer()}  Or say where it is: --driver /path/to/libtdsodbc.so",
        )
    return library


def read_freetds(library: Path) -> tuple[str | None, str | None]:
    """FreeTDS's version and the path of its own freetds.conf, as built into a library; None each for another's library."""
    try:
        content = library.read_bytes()
    except OSError:
        return None, None
    found = FREETDS_VERSION.search(content), FREETDS_SERVERS_FILE.search(content)
    version, path = (match[1].decode() if match else None for match in found)
    return version, path


def _odbc_files(manager: DriverManager | None) -> list[File]:
    """Where unixODBC looks: drivers, then data sources; of the same name in two files the first counts."""
    if manager is None:
        return []
    drivers = {"system": manager.system_drivers_file(), "user": manager.user_drivers_file()}
    return [
        *(_file(f"drivers, {role}", path) for role, path in drivers.items()),
        *(_file(f"data sources, {role}", path) for role, path in manager.sources_files().items()),
    ]


def _servers_files(built_in: str | None) -> Iterator[File]:
    """Where FreeTDS looks for a server's section, in its order (`src/tds/config.c`, tds_read_conf_file)."""
    if "FREETDSCONF" in os.environ:
        yield _file("FREETDSCONF", os.environ["FREETDSCONF"])
    if "FREETDS" in os.environ:
        yield _file("FREETDS", f"{os.environ['FREETDS']}/etc/{SERVERS_FILE}")
    # The home that the system knows, not HOME (src/utils/threadsafe.c, tds_get_homedir); a container's user may have none.
    with suppress(KeyError):
        yield _file("user", f"{pwd.getpwuid(os.getuid()).pw_dir}/.{SERVERS_FILE}")
    if built_in is not None:
        yield _file("built into the driver", built_in)


def _file(role: str, path: str) -> File:
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return File(role, path, exists=False, problem="", sections=[])
    except OSError as error:
        return File(role, path, exists=True, problem=f"cannot be read: {error.strerror}", sections=[])
    return File(
        role, path, exists=True, problem="", sections=[section.name for section in IniText.parse(text).sections]
    )


def _drivers(manager: DriverManager | None, files: list[File]) -> Iterator[Driver]:
    # Without the system's file unixODBC does not look into the user's (odbcinst/_SQLGetInstalledDrivers.c).
    if manager is None or not files[0].exists or files[0].problem:
        return
    for name in manager.drivers():
        library = manager.driver_setting(name, "Driver64") or manager.driver_setting(name, "Driver")
        path = library if "/" in library else str(find_library(library) or "") if library else ""
        problem = load_problem(path or library) if library else "it names no library (Driver = …)"
        version = read_freetds(Path(path))[0] if path else None
        yield Driver(name, library, path, version, problem)


def _data_sources(
    manager: DriverManager | None, files: list[File], drivers: list[Driver], servers_files: list[File]
) -> Iterator[DataSource]:
    if manager is None:
        return
    seen: set[str] = set()
    for file in files[2:]:
        if not file.exists or file.problem:
            continue
        for name, settings in manager.data_sources(file.path, ("Driver", "Servername", "Server", "Database")).items():
            if name.lower() in seen or name == "ODBC":
                continue
            seen.add(name.lower())
            problem = _source_problem(settings, drivers, servers_files)
            server = settings["Servername"] or settings["Server"]
            yield DataSource(name, file.path, settings["Driver"], server, settings["Database"], problem)


def _source_problem(settings: dict[str, str], drivers: list[Driver], servers_files: list[File]) -> str:
    driver, server = settings["Driver"], settings["Servername"]
    if not driver:
        return "it names no driver (Driver = …)"
    if "/" in driver:
        return load_problem(driver)
    registered = next((found for found in drivers if found.name.lower() == driver.lower()), None)
    if registered is None:
        return f"its driver {driver} is not registered"
    if registered.problem:
        return f"its driver {driver}: {registered.problem}"
    known = {section.lower() for file in servers_files for section in file.sections}
    if registered.freetds_version and server and server.lower() not in known:
        return f"no {SERVERS_FILE} has a section [{server}]"
    return ""


def _installer() -> str:
    return f"sh {data_folder('odbc') / 'install.sh'}"


def _to_do(manager: DriverManager | None, drivers: list[Driver], library: Path | None) -> Iterator[str]:
    freetds = [driver for driver in drivers if driver.freetds_version is not None and not driver.problem]
    if manager is None:
        yield f"unixODBC is not installed: its libodbc and libodbcinst cannot be loaded. Install it: {_installer()}"
    if library is None:
        yield f"The FreeTDS driver is not installed: there is no libtdsodbc.so. Install it: {_installer()}"
    elif manager is not None and not freetds:
        yield f"{library} is not registered as a driver that loads. Register it: {_installer()}"
    for name in FILE_VARIABLES:
        if name in os.environ and not Path(os.environ[name]).is_file():
            yield f"{name} names {os.environ[name]}, where no file is. Write it: etl odbc render; or: unset {name}"
    for name in WINNING_VARIABLES:
        if name in os.environ:
            yield f"{name} is set and wins over what every file and connection string says. Unset it: unset {name}"
