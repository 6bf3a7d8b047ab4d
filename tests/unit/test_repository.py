"""What the repository promises about itself: targets, scripts, templates and documents agree."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ODBC = ROOT / "odbc"
TARGETS = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
CONTRIBUTING = (ROOT / ".github" / "CONTRIBUTING.md").read_text()


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=os.environ | environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


# Documents


@pytest.mark.parametrize("target", TARGETS)
def test_every_make_target_is_documented(target: str) -> None:
    assert f"`make {target}`" in CONTRIBUTING


def test_ci_runs_only_targets_that_exist() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    commands = [step.get("run", "") for job in workflow["jobs"].values() for step in job["steps"]]
    used = set(re.findall(r"^make (\w+)", "\n".join([*commands, (ROOT / ".ci" / "run").read_text()]), re.MULTILINE))
    assert used == {"check", "test", "demo", "setup"}
    assert used <= set(TARGETS)


def test_the_paths_that_contributing_names_exist() -> None:
    made_by_commands = {"dist/"}
    named = set(re.findall(r"`(\.?\w+/[\w./-]*|[\w.]+\.(?:lock|toml))`", CONTRIBUTING)) - made_by_commands
    assert {"etl/", "odbc/install.sh", "uv.lock", ".github/workflows/ci.yml"} <= named
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("path", sorted((ROOT / "sql").glob("*.sql")), ids=lambda path: path.stem)
def test_a_sql_file_says_what_it_is_for_and_is_used(path: Path) -> None:
    assert path.read_text().startswith("-- ")
    name = re.sub(r"_(mssql|sqlite)$", "", path.stem)
    assert any(
        name in source.read_text()
        for folder in (".", "bad_rows", "bulk", "cli", "demo", "doctor", "odbc", "preview", "smoke")
        for source in (ROOT / "etl" / folder).glob("*.py")
    )


# The installer of the driver


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder to be the whole PATH: the tools of any machine, no odbcinst, no package manager, no sudo."""
    for tool in ("sh", "dirname", "id", "sed", "mktemp", "cat", "rm"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or tool)
    return tmp_path


def add_program(machine: Path, name: str, script: str) -> None:
    (machine / name).write_text(f"#!/bin/sh\n{script}\n")
    (machine / name).chmod(0o755)


@pytest.mark.parametrize("script", ["odbc/install.sh", "odbc/packages.sh", ".ci/uv.sh", ".ci/sshd.sh", ".ci/run"])
def test_a_script_parses(script: str) -> None:
    shell = "bash" if script == ".ci/run" else "sh"
    assert run(shell, "-n", ROOT / script).stderr == ""


def test_the_installer_is_silent_where_the_driver_is_ready() -> None:
    checked = run("sh", ODBC / "install.sh", "--check")
    assert checked.returncode == 0
    assert checked.stdout.startswith("FreeTDS driver ready: ")
    installed = run("sh", ODBC / "install.sh")
    assert (installed.returncode, installed.stdout, installed.stderr) == (0, "", "")


def test_the_installer_registers_the_driver_once_and_leaves_the_others_alone(tmp_path: Path) -> None:
    drivers = tmp_path / "odbcinst.ini"
    drivers.write_text("[Other]\nDriver=/other.so\n\n[FreeTDS]\nDriver=/gone/libtdsodbc.so\n")
    before = run("sh", ODBC / "install.sh", "--check", ODBCSYSINI=str(tmp_path))
    assert before.returncode == 1
    assert "is not registered as [FreeTDS]" in before.stderr

    first = run("sh", ODBC / "install.sh", ODBCSYSINI=str(tmp_path))
    assert first.returncode == 0, first.stderr
    registered = drivers.read_text()
    assert "[Other]\nDriver=/other.so\n" in registered
    assert registered.count("[FreeTDS]") == 1
    library = re.search(r"^Driver *= *(/.*libtdsodbc\.so.*)$", registered, re.MULTILINE)
    assert library is not None
    assert Path(library[1]).exists()

    again = run("sh", ODBC / "install.sh", ODBCSYSINI=str(tmp_path))
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert drivers.read_text() == registered


@pytest.mark.parametrize(
    ("manager", "command"),
    [
        ("apt-get", "apt-get install -y --no-install-recommends unixodbc tdsodbc\n"),
        ("dnf", "dnf install -y --setopt=install_weak_deps=False unixODBC freetds-libs\n"),
        ("apk", "apk add --no-cache unixodbc freetds\n"),
        ("brew", "brew install unixodbc freetds\n"),
    ],
)
def test_a_dry_run_names_the_packages_of_each_system(machine: Path, manager: str, command: str) -> None:
    add_program(machine, manager, "exit 99")
    shown = run("sh", ODBC / "install.sh", "--dry-run", PATH=str(machine))
    assert (shown.returncode, shown.stdout, shown.stderr) == (0, command, "")


def test_the_tools_are_installed_where_they_are_asked_for(machine: Path) -> None:
    add_program(machine, "dnf", 'echo "$@" >>"$0.log"')
    (machine / "id").unlink()
    add_program(machine, "id", "echo 0")
    run("sh", ODBC / "install.sh", "--tools", PATH=str(machine))
    assert (
        machine / "dnf.log"
    ).read_text() == "install -y --setopt=install_weak_deps=False unixODBC freetds-libs freetds\n"


def test_without_rights_the_installer_says_what_to_run(machine: Path) -> None:
    add_program(machine, "apt-get", "exit 99")
    (machine / "id").unlink()
    add_program(machine, "id", "echo 1000")
    refused = run("sh", ODBC / "install.sh", PATH=str(machine))
    assert refused.returncode == 1
    assert f"""su -c 'sh "{ODBC}/install.sh"'""" in refused.stderr
    add_program(machine, "sudo", "exit 1")
    refused = run("sh", ODBC / "install.sh", PATH=str(machine))
    assert f"""sudo sh "{ODBC}/install.sh"\n""" in refused.stderr


def test_what_the_package_manager_says_is_shown_when_it_fails(machine: Path) -> None:
    add_program(machine, "dnf", 'echo "No match for argument: freetds-libs"; exit 1')
    (machine / "id").unlink()
    add_program(machine, "id", "echo 0")
    failed = run("sh", ODBC / "install.sh", PATH=str(machine))
    assert failed.returncode == 1
    assert "No match for argument: freetds-libs" in failed.stderr
    assert "EPEL" in failed.stderr


def test_an_unknown_system_and_a_wrong_option_are_told(machine: Path) -> None:
    unknown = run("sh", ODBC / "install.sh", PATH=str(machine))
    assert unknown.returncode == 1
    assert "No apt-get, dnf, apk or brew here" in unknown.stderr
    wrong = run("sh", ODBC / "install.sh", "--force")
    assert (wrong.returncode, wrong.stderr) == (2, "usage: sh install.sh [--tools | --check | --dry-run]\n")


def test_without_pip_venv_and_rights_the_way_to_uv_is_told(machine: Path, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    for folder in ("odbc", ".ci"):
        shutil.copytree(ROOT / folder, checkout / folder)
    (machine / "id").unlink()
    for name, script in {"id": "echo 1000", "apt-get": "exit 99", "python3": "exit 1", "uv": "echo uv 0.7.22"}.items():
        add_program(machine, name, script)
    refused = run("sh", checkout / ".ci" / "uv.sh", "--version", PATH=str(machine))
    assert refused.returncode == 1
    assert "su -c 'apt-get install -y --no-install-recommends python3-venv'" in refused.stderr
    assert not (checkout / ".cache").exists()


def test_a_uv_that_is_new_enough_is_used_as_it_is(machine: Path) -> None:
    add_program(machine, "uv", 'if [ "$1" = --version ]; then echo "uv 0.8.0 (abc)"; else echo "ran $*"; fi')
    assert run("sh", ROOT / ".ci" / "uv.sh", "sync", "--locked", PATH=str(machine)).stdout == "ran sync --locked\n"
