"""Wrong jobs: one clear message, the documented exit code, no traceback, and a database as it was."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

import etl
from etl import errors
from etl.errors import EtlError
from tests.databases import Database, SqliteDatabase
from tests.pipeline.command import etl_here, etl_process
from tests.pipeline.jobs import job, make_orders, told

TRANSFORMS = "tests.pipeline.transforms"
PASSWORD = "pl4nted-s3cret"
"""Must never be seen again."""


@pytest.fixture
def orders(sqlite_file: SqliteDatabase) -> Database:
    make_orders(sqlite_file, 30)
    return sqlite_file


def fails(database: Database, *, touches: bool = False, **fields: Any) -> EtlError:
    """The error of the job, which has left the database as it was, or at its last committed chunk."""
    before = database.tables()
    with pytest.raises(EtlError) as error:
        etl.run(job(database, **fields))
    if touches:
        assert sum(database.rows("copies").values()) == sum(rows for _, _, rows in database.ledger())
    else:
        assert database.tables() == before
    return error.value


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"key": "nope"}, "has no column nope"),
        ({"transform": "nowhere:clean"}, "the module nowhere of the transform nowhere:clean cannot be imported"),
        ({"transform": f"{TRANSFORMS}:nope"}, f"the module {TRANSFORMS} has no nope"),
        ({"transform": f"{TRANSFORMS}:twise"}, f"the module {TRANSFORMS} has no twise; did you mean twice?"),
        ({"transform": "tests.pipeline.transfroms:twice"}, "did you mean transforms?"),
        ({"transform": "antigravit:y"}, "did you mean antigravity?"),
        ({"transform": "..relative:y"}, "importing ..relative for the transform ..relative:y raised TypeError"),
        ({"transform": f"{TRANSFORMS}:NOT_A_FUNCTION"}, "NOT_A_FUNCTION is int, not a function"),
        ({"transform": "no_colon"}, "'no_colon' does not name a transform"),
        ({"transform": f"{TRANSFORMS}:twice", "output_schema": f"{TRANSFORMS}:twice"}, "not a pyarrow.Schema"),
        ({"transform": f"{TRANSFORMS}:twice", "output_schema": f"{TRANSFORMS}:NOPE"}, "has no NOPE"),
        ({"column_types": {"nope": "int"}}, "column_types names nope, which the output does not have"),
        ({"column_types": {"id": "int; DROP TABLE orders"}}, "is not a SQL type"),
        ({"target_table": "a.b.c.d"}, "'a.b.c.d' is not a table name"),
        ({"target_table": "[a"}, "'[a' is not a table name"),
        ({"target_table": ""}, "'' is not a table name"),
        ({"target_table": "n" * 129}, "is not an identifier"),
    ],
)  # fmt: skip
def test_a_job_that_names_what_is_not_there(orders: Database, fields: dict[str, Any], said: str) -> None:
    error = fails(orders, **fields)
    assert isinstance(error, errors.JobError)
    assert error.exit_code == 2
    assert said in error.message


def test_an_unknown_source_table(database: Database) -> None:
    error = fails(database, source_table=database.name("nowhere"))
    assert isinstance(error, errors.JobError)
    assert "nowhere" in error.message


def test_an_unknown_key_of_a_server(server_database: Database) -> None:
    make_orders(server_database, 3)
    error = fails(server_database, key="nope")
    assert error.message == "dbo.[orders] has no column nope"
    assert error.advice == "Its columns: id, customer, amount, paid, day."


def test_an_unknown_schema_of_the_target_is_found_before_a_run_is_recorded(server_database: Database) -> None:
    make_orders(server_database, 3)
    with pytest.raises(errors.JobError, match=r"^there is no schema nowhere to make nowhere\.copies in"):
        etl.run(job(server_database, target_table="nowhere.copies"))
    assert server_database.tables() == {"orders"}


@pytest.mark.parametrize(
    ("transform", "kind", "said"),
    [
        ("fail_quietly", errors.TransformError, "fail_quietly raised ZeroDivisionError: division by zero ("),
        ("no_frame", errors.TransformError, "no_frame returned list, not a DataFrame"),
        ("empty", errors.SchemaError, "cannot be inferred from an empty frame"),
    ],
)
def test_a_transform_that_cannot_work_is_found_before_the_run(
    orders: Database, transform: str, kind: type[EtlError], said: str
) -> None:
    error = fails(orders, transform=f"{TRANSFORMS}:{transform}")
    assert type(error) is kind
    assert said in error.message


def test_the_transforms_own_line_is_named(orders: Database) -> None:
    source = Path(__file__).with_name("transforms.py")
    line = source.read_text().splitlines().index("    return 1 / 0  # type: ignore[return-value]") + 1
    assert f"({source}, line {line})" in fails(orders, transform=f"{TRANSFORMS}:fail_quietly").message


@pytest.mark.parametrize(
    ("transform", "said"),
    [
        ("moody_columns", "lacks 'customer' and has 'client' beyond them"),
        ("moody_types", "column 'amount', row 0: 'a lot': it is text, the column is declared decimal128(10, 2)"),
    ],
)
def test_a_transform_that_changes_between_chunks(orders: Database, transform: str, said: str) -> None:
    error = fails(orders, transform=f"{TRANSFORMS}:{transform}", touches=True)
    assert isinstance(error, errors.SchemaError)
    assert error.message.startswith("chunk 2 (21 <= key <= 30) of ")
    assert said in error.message
    assert "2 of 3 chunks (20 rows) of run " in error.state


def test_a_transform_without_rows_to_learn_from(sqlite_file: SqliteDatabase) -> None:
    make_orders(sqlite_file, 0)
    error = fails(sqlite_file, transform=f"{TRANSFORMS}:twice")
    assert isinstance(error, errors.SchemaError)
    assert "output_schema" in error.advice


def test_a_source_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "text.db"
    path.write_text("not a database at all, but long enough to be looked at " * 100)
    with pytest.raises(EtlError) as error:
        etl.run(job(SqliteDatabase(tmp_path / "data.db"), source=f"sqlite:///{path}"))
    assert error.value.exit_code in {3, 6}
    assert "not a database" in error.value.message


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "data.db")
    make_orders(database, 3)
    with pytest.raises(errors.ConnectError, match=r"cannot connect to .*nowhere/x\.db"):
        etl.run(job(database, target=f"sqlite:///{tmp_path}/nowhere/x.db"))


def test_a_source_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(errors.ConnectError, match="no such file"):
        etl.run(job(SqliteDatabase(tmp_path / "data.db"), source=f"sqlite:///{tmp_path}/source.db"))
    assert not (tmp_path / "source.db").exists()


# Servers


@pytest.fixture
def closed_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


def test_a_server_that_does_not_answer(sqlite_file: SqliteDatabase, closed_port: int) -> None:
    make_orders(sqlite_file, 3)
    url = f"mssql+pyodbc://sa:{PASSWORD}@127.0.0.1:{closed_port}/master"
    with pytest.raises(errors.ConnectError) as error:
        etl.run(job(sqlite_file, target=url, target_table="dbo.copies"))
    assert type(error.value) is errors.ConnectError
    assert error.value.message.startswith(f"cannot connect to 127.0.0.1:{closed_port}/master: ")
    assert "host and port" in error.value.advice
    assert PASSWORD not in told(error.value)


def test_a_driver_that_is_not_installed(sqlite_file: SqliteDatabase) -> None:
    make_orders(sqlite_file, 3)
    url = f"mssql+pyodbc://sa:{PASSWORD}@localhost/master?driver=No+Such+Driver"
    with pytest.raises(errors.DriverMissing) as error:
        etl.run(job(sqlite_file, target=url, target_table="dbo.copies"))
    assert "odbc/install.sh" in error.value.advice
    assert PASSWORD not in told(error.value)


def test_a_wrong_password(server_database: Database, sqlite_file: SqliteDatabase) -> None:
    import sqlalchemy as sa

    make_orders(sqlite_file, 3)
    url = sa.make_url(server_database.url).set(password=PASSWORD).render_as_string(hide_password=False)
    with pytest.raises(errors.LoginFailed) as error:
        etl.run(job(sqlite_file, target=url, target_table="dbo.copies"))
    assert "refused the login: Login failed for user" in error.value.message
    assert PASSWORD not in told(error.value)


def test_a_database_that_is_not_there(server_database: Database, sqlite_file: SqliteDatabase) -> None:
    import sqlalchemy as sa

    make_orders(sqlite_file, 3)
    url = sa.make_url(server_database.url).set(database="no_such_database").render_as_string(hide_password=False)
    with pytest.raises(errors.LoginFailed, match="no_such_database"):
        etl.run(job(sqlite_file, target=url, target_table="dbo.copies"))


# On the command line


@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        (["--key", "nope"], 2, "has no column nope"),
        (["--transform", "nowhere:clean"], 2, "cannot be imported"),
        (["--mode", "upsert"], 2, "mode must be append or replace"),
        (["--source", "nonsense"], 2, "the database URL cannot be read"),
        (["--source", f"mssql+pyodbc://u:{PASSWORD}@host:port/db"], 2, "the database URL cannot be read"),
        (["--source", f"postgresql://u:{PASSWORD}@host/db"], 2, "postgresql is not supported"),
        (["--source", f"mssql+pymssql://u:{PASSWORD}@host/db"], 2, "mssql+pymssql is not supported"),
        (["--source", f"mssql+pyodbc://u:{PASSWORD}@host/db?fast_executemany=true"], 2, "fast_executemany crashes"),
        (["--source", "sqlite://"], 2, "an in-memory SQLite database cannot be shared"),
        (["--source", "env:NO_SUCH_VARIABLE"], 2, "the environment variable NO_SUCH_VARIABLE is not set"),
        (["--source", "sqlite:///nowhere.db"], 3, "no such file"),
        (["--transform", f"{TRANSFORMS}:fail_quietly"], 5, "raised ZeroDivisionError"),
        (["--transform", f"{TRANSFORMS}:moody_types", "--chunk-rows", "10"], 4, "chunk 2 (21 <= key <= 30)"),
        (["--chunk-rows", "0"], 2, "Invalid value for '--chunk-rows': it must be 1 or more"),
        (["--chunk-rows", "many"], 2, "Invalid value for '--chunk-rows': it must be a whole number"),
        (["--workers", "0"], 2, "workers"),
        (["--workers", "1000"], 2, "workers must be a whole number from 1 to 256"),
        (["--no-such-option"], 2, "No such option"),
    ],
)  # fmt: skip
def test_the_command_says_what_is_wrong(
    sqlite_file: SqliteDatabase, arguments: list[str], exit_code: int, said: str, in_this_process: None
) -> None:
    make_orders(sqlite_file, 30)
    urls = {"ETL_SOURCE_URL": sqlite_file.url, "ETL_TARGET_URL": sqlite_file.url}
    done = etl_here("copy", "orders", "copies", *arguments, **urls)
    assert (done.exit_code, said in " ".join(done.stderr.split())) == (exit_code, True), done.said
    assert "Traceback" not in done.said
    assert PASSWORD not in done.said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "there is no job file"),
        ("- just\n- a list\n", "holds no job"),
        ("", "holds no job"),
        ("a: [1, 2", "is not YAML"),
        ("target_table: x\n", "give either source_table or query"),
        ("target_table: x\nsource_table: y\nquery: SELECT 1\n", "give either source_table or query"),
        ("target_table: x\nquery: SELECT 1\nkey: id\n", "a query is read as one stream and has no key"),
        ("source_table: y\n", "target_table is missing"),
        (
            "source_table: y\ntarget_table: x\nworkers: many\n",
            "line 3: workers must be a whole number from 1 to 256, not text",
        ),
        (
            "source_table: y\ntarget_table: x\nwrokers: 2\n",
            "line 3: wrokers is not a field of a job; did you mean workers?",
        ),
        (
            f"source_table: y\ntarget_table: x\nsource: {{a: '{PASSWORD}'}}\n",
            "source must be a database URL, or env:NAME of a variable that holds one, as text, not a mapping",
        ),
        ("source_table: y\ntarget_table: x\noutput_schema: a:b\n", "there is no transform"),
    ],
)
def test_a_job_file_that_is_wrong(tmp_path: Path, text: str | None, said: str) -> None:
    file = tmp_path / "job.yaml"
    if text is not None:
        file.write_text(text)
    done = etl_here("run", str(file))
    assert (done.exit_code, said in " ".join(done.stderr.split())) == (2, True), done.said
    assert PASSWORD not in done.said


def test_a_traceback_only_with_debug(sqlite_file: SqliteDatabase) -> None:
    source = sqlite_file.path.with_name("source.db")
    arguments = ("copy", "orders", "copies", "--source", f"sqlite:///{source}", "--target", sqlite_file.url)
    plain = etl_process(*arguments)
    assert (plain.exit_code, plain.stdout) == (3, "")
    assert plain.stderr.splitlines() == [
        f"error: cannot open {source}: no such file",
        "  Check the path in the URL.",
    ]
    with pytest.raises(errors.ConnectError, match="cannot open"):
        etl_here(*arguments, "--debug")


def test_errors_as_json(sqlite_file: SqliteDatabase) -> None:
    source = sqlite_file.path.with_name("source.db")
    done = etl_here(
        "copy", "orders", "copies", "--source", f"sqlite:///{source}", "--target", sqlite_file.url, "--json"
    )
    (event,) = done.events
    assert event == {
        "event": "error",
        "kind": "ConnectError",
        "message": f"cannot open {source}: no such file",
        "state": "",
        "advice": "Check the path in the URL.",
        "exit_code": 3,
    }
    assert done.exit_code == 3
