"""The sandbox could be its own distribution: it needs nothing else of `etl`, and `etl` does not load it."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SANDBOX = Path(__file__).parents[2] / "etl" / "sandbox"

SERVE = """
import sys
import pyodbc
import {package} as sandbox

assert sandbox.__file__.startswith({folder!r}), sandbox.__file__
with sandbox.serve() as server:
    connection = pyodbc.connect(
        f"DRIVER=FreeTDS;SERVER={{server.host}};PORT={{server.port}};UID={{server.user}};PWD={{server.password}};"
        "TDS_Version=7.4;ClientCharset=UTF-8", autocommit=True)
    connection.execute("CREATE TABLE t (id int PRIMARY KEY, name nvarchar(20))")
    connection.execute("INSERT INTO t VALUES (?, ?)", 1, "Zoë")
    print(connection.execute("SELECT name, @@VERSION FROM t").fetchone()[0])
    connection.close()
print(*sorted(name for name in sys.modules if name.split(".")[0] == "etl"))
"""


def imports(path: Path) -> Iterator[str]:
    """The modules that a file imports, wherever in it; relative names stand as they are written."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def python(code: str, folder: Path) -> list[str]:
    """The words of each line that a program prints; it is run in `folder`, and finds packages there first."""
    found = subprocess.run([sys.executable, "-P", "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    return found.stdout.splitlines()


def test_no_module_imports_anything_else_of_etl() -> None:
    found = {(path.name, name) for path in SANDBOX.rglob("*.py") for name in imports(path)}
    assert len(found) > 200
    assert {(file, name) for file, name in found if name.startswith(".")} == set()
    ours = {(file, name) for file, name in found if name.split(".")[0] == "etl"}
    assert {(file, name) for file, name in ours if not name.startswith("etl.sandbox")} == set()


def test_third_party_imports_are_the_declared_ones() -> None:
    """What a distribution of its own would have to name as its dependencies."""
    tops = {name.split(".")[0] for path in SANDBOX.rglob("*.py") for name in imports(path)}
    assert tops - sys.stdlib_module_names == {"etl", "cryptography", "numpy", "psycopg", "sqlglot"}


@pytest.mark.parametrize("package", ["etl.sandbox", "mssql_sandbox"])
def test_a_copy_of_the_folder_serves(package: str, tmp_path: Path) -> None:
    place = tmp_path.joinpath(*package.split("."))
    shutil.copytree(SANDBOX, place, ignore=shutil.ignore_patterns("__pycache__"))
    if package == "etl.sandbox":
        (tmp_path / "etl" / "__init__.py").touch()
    else:
        for path in place.rglob("*.py"):
            path.write_text(path.read_text(encoding="utf-8").replace("etl.sandbox", package), encoding="utf-8")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n" + SERVE.format(package=package, folder=str(tmp_path))
    name, modules = python(code, tmp_path)
    assert name == "Zoë"
    loaded = modules.split()
    if package == "etl.sandbox":
        assert {module for module in loaded if not module.startswith("etl.sandbox")} == {"etl"}
    else:
        assert loaded == []


HELP = """
import sys
import etl.cli

sys.argv = ["etl", "--help"]
try:
    etl.cli.main()
except SystemExit as end:
    assert not end.code
"""


@pytest.mark.parametrize("code", ["import etl; etl.Job", "import etl.pipeline, etl.mapping", HELP])
def test_etl_does_not_load_the_sandbox(code: str, tmp_path: Path) -> None:
    names = ("etl.sandbox", "sqlglot", "psycopg")
    lines = python(f"{code}\nimport sys; print([name for name in {names!r} if name in sys.modules])", tmp_path)
    assert lines[-1] == "[]"
    assert ("Usage" in "".join(lines)) is (code is HELP)
