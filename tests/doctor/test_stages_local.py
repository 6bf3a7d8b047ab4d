"""What is missing on this machine, stage by stage: the right step names it."""

from __future__ import annotations

from pathlib import Path

from tests.databases import MssqlDatabase
from tests.doctor.examination import doctor, doctor_process
from tests.told_steps import ToldSteps

NETWORK = ("name", "port", "protocol", "certificate")


def assert_only_the_driver_is_missing(found: ToldSteps, step: str) -> None:
    assert found.failed == [step]
    assert found.ended.exit_code == 3
    assert {found.statuses[name] for name in NETWORK} <= {"ok", "warn"}
    assert found.steps["login"]["found"] == f"the step `{step}` failed"


def test_no_driver_is_registered(server_database: MssqlDatabase, tmp_path: Path) -> None:
    found = doctor_process(server_database.url, ODBCSYSINI=str(tmp_path), HOME=str(tmp_path))
    assert_only_the_driver_is_missing(found, "driver")
    assert found.steps["driver"]["found"] == "no driver FreeTDS is registered"
    assert found.steps["driver"]["meaning"] == f"{tmp_path}/odbcinst.ini (which is not there) has these: none."
    assert "odbc/install.sh" in found.steps["driver"]["fix"]


def test_the_url_names_a_driver_that_is_not_registered(server_database: MssqlDatabase) -> None:
    found = doctor(server_database.url.replace("?", "?driver=FreeTSD&", 1).replace("&driver=FreeTDS", ""))
    assert_only_the_driver_is_missing(found, "driver")
    assert found.steps["driver"]["found"] == "no driver FreeTSD is registered"
    assert "FreeTDS" in found.steps["driver"]["meaning"]


def test_the_driver_is_registered_with_a_wrong_path(server_database: MssqlDatabase, tmp_path: Path) -> None:
    (tmp_path / "odbcinst.ini").write_text("[FreeTDS]\nDriver = /gone/libtdsodbc.so\n")
    found = doctor_process(server_database.url, ODBCSYSINI=str(tmp_path), HOME=str(tmp_path))
    assert_only_the_driver_is_missing(found, "driver")
    assert found.steps["driver"]["found"] == "the driver FreeTDS (/gone/libtdsodbc.so) cannot be loaded: no such file"
    assert str(tmp_path / "odbcinst.ini") in found.steps["driver"]["fix"]


def test_the_drivers_file_is_not_a_library(server_database: MssqlDatabase, tmp_path: Path) -> None:
    (tmp_path / "libtdsodbc.so").write_text("not a library")
    (tmp_path / "odbcinst.ini").write_text(f"[FreeTDS]\nDriver = {tmp_path}/libtdsodbc.so\n")
    found = doctor_process(server_database.url, ODBCSYSINI=str(tmp_path), HOME=str(tmp_path))
    assert_only_the_driver_is_missing(found, "driver")
    assert f"({tmp_path}/libtdsodbc.so) cannot be loaded" in found.steps["driver"]["found"]
    assert "file too short" in found.steps["driver"]["found"]


def test_unixodbc_cannot_be_loaded(server_database: MssqlDatabase, tmp_path: Path) -> None:
    # The loader looks here first, and does not go on to the system's.
    (tmp_path / "libodbc.so.2").touch()
    found = doctor_process(server_database.url, LD_LIBRARY_PATH=str(tmp_path))
    assert_only_the_driver_is_missing(found, "unixodbc")
    assert "unixODBC cannot be loaded" in found.steps["unixodbc"]["found"]
    assert "libodbc.so.2" in found.steps["unixodbc"]["found"]
    assert "apt-get install unixodbc tdsodbc" in found.steps["unixodbc"]["fix"]
    assert found.steps["driver"]["found"] == "the step `unixodbc` failed"


def test_a_package_is_missing(server_database: MssqlDatabase, tmp_path: Path) -> None:
    # A distribution of the project's name that needs what nobody has.
    (tmp_path / "tablehaul-9.dist-info").mkdir()
    (tmp_path / "tablehaul-9.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: tablehaul\nVersion: 9\nRequires-Dist: no-such-package>=1\n"
        "Requires-Dist: pyodbc>=999\nRequires-Dist: not-asked-for; extra == 'prefect'\n"
    )
    root = Path(__file__).parents[2]
    found = doctor_process(server_database.url, PYTHONPATH=f"{tmp_path}:{root}")
    assert found.failed == ["packages"]
    assert found.ended.exit_code == 3
    assert found.steps["packages"]["found"].startswith("missing: no-such-package; too old: pyodbc ")
    assert "not-asked-for" not in found.text("packages")


def test_a_variable_that_wins_over_every_url_is_told(server_database: MssqlDatabase) -> None:
    found = doctor_process(server_database.url, TDSVER="7.4")
    assert found.statuses["unixodbc"] == "warn"
    assert found.steps["unixodbc"]["fix"] == "unset TDSVER"
