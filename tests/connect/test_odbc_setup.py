"""`etl odbc show`: what is there, what is not, and that looking changes nothing."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.errors import JobError
from etl.odbc import files, libraries, setup
from etl.odbc.profiles import Fields
from tests.connect.odbc_folder import SETTINGS, etl_command, rendered


def shown(**environment: str) -> dict[str, Any]:
    result = etl_command("odbc", "show", "--json", **environment)
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def empty(folder: Path) -> dict[str, str]:
    """The settings by which nothing is found: a folder without files."""
    folder.mkdir()
    return {
        "ODBCSYSINI": str(folder),
        "ODBCINI": str(folder / "odbc.ini"),
        "FREETDSCONF": str(folder / "freetds.conf"),
        "HOME": str(folder),
    }


def test_an_empty_folder_has_nothing_and_stays_empty(tmp_path: Path, driver: str) -> None:
    found_nowhere = empty(tmp_path / "odbc")
    found = shown(**found_nowhere)
    assert list((tmp_path / "odbc").iterdir()) == []
    assert found["drivers"] == found["data_sources"] == []
    assert [(file["path"], file["exists"]) for file in found["files"]] == [
        (str(tmp_path / "odbc" / name), False) for name in ("odbcinst.ini", ".odbcinst.ini", "odbc.ini", "odbc.ini")
    ]
    assert found["servers_files"][0] == {
        "role": "FREETDSCONF",
        "path": found_nowhere["FREETDSCONF"],
        "exists": False,
        "problem": "",
        "sections": [],
    }
    assert found["freetds_library"] == driver
    registration, sources, servers = found["to_do"]
    assert registration.startswith(f"{driver} is not registered")
    assert "install.sh" in registration
    assert sources.startswith(f"ODBCINI names {found_nowhere['ODBCINI']}, where no file is.")
    assert servers.startswith(f"FREETDSCONF names {found_nowhere['FREETDSCONF']}, where no file is.")


def test_a_rendered_folder_is_found(tmp_path: Path, driver: str) -> None:
    # unixODBC takes a path with this word in it for the drivers' file when it is asked by path.
    folder = tmp_path / "odbcinst"
    rendered(folder, "sandbox", Fields(port=5433), driver)
    exports = rendered(folder, "azure", Fields("shop.database.windows.net", database="sales"), driver, "shop")
    found = shown(**exports)
    assert found["to_do"] == []
    assert {name: found["environment"][name] for name in exports} == exports
    (registered,) = found["drivers"]
    assert re.fullmatch(r"\d+\.\d+.*", registered.pop("freetds_version"))
    assert registered == {"name": "FreeTDS", "library": driver, "path": driver, "problem": ""}
    file = str(folder / "odbc.ini")
    assert found["data_sources"] == [
        {"name": name, "file": file, "driver": "FreeTDS", "server": server, "database": database, "problem": ""}
        for name, server, database in (
            ("sandbox", "sandbox", "sandbox"),
            ("shop", "shop.database.windows.net", "sales"),
        )
    ]
    assert found["servers_files"][0]["sections"] == ["global", "sandbox", "shop.database.windows.net"]


def test_the_paths_are_those_of_odbcinst(tmp_path: Path, driver: str) -> None:
    exports = rendered(tmp_path / "odbc", "sandbox", Fields(), driver)
    said = subprocess.run(
        ["odbcinst", "-j"],
        env={"PATH": str(Path(shutil.which("odbcinst") or "").parent)} | exports,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = shown(**exports)
    assert f"unixODBC {found['unixodbc_version']}\n" in said
    by_role = {file["role"]: file["path"] for file in found["files"]}
    for title, role in (
        ("DRIVERS", "drivers, system"),
        ("SYSTEM DATA SOURCES", "data sources, system"),
        ("USER DATA SOURCES", "data sources, user"),
    ):
        assert re.search(rf"^{title}\.*: (.*)$", said, re.MULTILINE)[1] == by_role[role]  # type: ignore[index] # no match fails too


def test_what_is_wrong_is_named(tmp_path: Path, driver: str) -> None:
    found_nowhere = empty(tmp_path / "odbc")
    broken = tmp_path / "broken.so"
    broken.write_text("no library")
    (tmp_path / "odbc" / "odbcinst.ini").write_text(
        f"[Gone]\nDriver = /gone/lib.so\n[Broken]\nDriver = {broken}\n[Nothing]\nDescription = x\n"
        f"[Two]\nDriver = /gone/32.so\nDriver64 = {driver}\n"
    )
    (tmp_path / "odbc" / "odbc.ini").write_text(
        "[a]\nDriver = Gone\nServername = s\nPWD = hidden-secret\n[b]\nDriver = Unknown\n[c]\nServer = h\n"
        "[d]\nDriver = Two\nServername = elsewhere\n[e]\nDriver = two\nServer = 127.0.0.1\nDatabase = x\n"
    )
    found = shown(**found_nowhere, TDSPORT="5")
    drivers = {each["name"]: each["problem"] for each in found["drivers"]}
    assert drivers.pop("Broken").startswith(f"{broken}: ")
    assert drivers == {"Gone": "no such file", "Nothing": "it names no library (Driver = …)", "Two": ""}
    assert {each["name"]: each["problem"] for each in found["data_sources"]} == {
        "a": "its driver Gone: no such file",
        "b": "its driver Unknown is not registered",
        "c": "it names no driver (Driver = …)",
        "d": "no freetds.conf has a section [elsewhere]",
        "e": "",
    }
    assert found["to_do"] == [
        f"FREETDSCONF names {tmp_path}/odbc/freetds.conf, where no file is. Write it: etl odbc render; or: unset FREETDSCONF",
        "TDSPORT is set and wins over what every file and connection string says. Unset it: unset TDSPORT",
    ]
    assert "hidden-secret" not in json.dumps(found)
    told = etl_command("odbc", "show", **found_nowhere, TDSPORT="5").stdout
    for line in (
        "  Gone: /gone/lib.so: no such file",
        "  d: Two to elsewhere/: no freetds.conf has a section [elsewhere]",
        "To do: TDSPORT is set",
        f"  {tmp_path}/odbc/freetds.conf (FREETDSCONF): not there",
    ):
        assert line in told
    assert "hidden-secret" not in told


def test_a_users_data_source_comes_before_the_systems(tmp_path: Path, driver: str) -> None:
    exports = rendered(tmp_path / "odbc", "sandbox", Fields(), driver)
    own = tmp_path / "own.ini"
    own.write_text("[Sandbox]\nDriver = FreeTDS\nServer = h\n[mine]\nDriver = FreeTDS\nServer = h\n")
    exports["ODBCINI"] = str(own)
    sources = [(each["name"], each["file"]) for each in shown(**exports)["data_sources"]]
    assert sources == [("Sandbox", str(own)), ("mine", str(own))]
    (alone,) = shown(**exports, ODBCSEARCH="ODBC_SYSTEM_DSN")["data_sources"]
    assert (alone["name"], alone["file"]) == ("sandbox", str(tmp_path / "odbc" / "odbc.ini"))


def test_where_unixodbc_does_not_load_it_says_so(tmp_path: Path, driver: str) -> None:
    for name in libraries.INSTALLER_FILES:
        (tmp_path / name).touch()
    found = shown(LD_LIBRARY_PATH=str(tmp_path), DYLD_LIBRARY_PATH=str(tmp_path))
    assert (found["unixodbc_version"], found["drivers"], found["freetds_library"]) == (None, [], driver)
    (to_do,) = found["to_do"]
    assert to_do.startswith("unixODBC is not installed")
    assert "install.sh" in to_do


def test_without_unixodbc_it_says_so(monkeypatch: pytest.MonkeyPatch, driver: str) -> None:
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    found = setup.look(None)
    assert (found.unixodbc_version, found.files, found.drivers, found.data_sources) == (None, [], [], [])
    assert found.freetds_library == driver
    assert found.freetds_version is not None
    assert [file.role for file in found.servers_files] == ["user", "built into the driver"]
    (missing,) = found.to_do
    assert missing.startswith("unixODBC is not installed")


def test_without_freetds_it_says_so_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(libraries, "FOLDERS", (str(tmp_path),))
    found = setup.look(None)
    assert (found.freetds_version, found.freetds_library) == (None, None)
    assert [text.partition(":")[0] for text in found.to_do] == [
        "unixODBC is not installed",
        "The FreeTDS driver is not installed",
    ]
    library = tmp_path / "libtdsodbc.so.0"
    library.write_bytes(b"\x7fELF\0freetds v1.5.3\0/opt/x/etc/freetds.conf\0")
    again = setup.look(None)
    assert (again.freetds_version, again.freetds_library) == ("1.5.3", str(library))
    assert again.servers_files[-1].path == "/opt/x/etc/freetds.conf"


PRINTABLE = st.text(
    st.characters(exclude_categories=("C", "Z"), include_characters=" ;#[]{}=%$"), min_size=1, max_size=128
)


@given(PRINTABLE)
@settings(max_examples=200, deadline=None)
def test_unixodbc_reads_a_database_back(database: str) -> None:
    manager = libraries.DriverManager.load()
    assert manager is not None
    try:
        texts = files.render("sandbox", Fields(database=database), "/lib/x.so")
    except JobError:
        units = len(database.encode("utf-16-le")) // 2
        assert units > 128 or database != database.strip()
        return
    with TemporaryDirectory() as folder:
        file = Path(folder) / "odbc.ini"
        file.write_text(texts["odbc.ini"])
        assert manager.data_sources(str(file), ["Servername", "Database"]) == {
            "sandbox": {"Servername": "sandbox", "Database": database}
        }
