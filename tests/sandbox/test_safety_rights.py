"""PostgreSQL's own rights: what a text could do that got past the translation, and who reaches the server's files."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from etl.sandbox.engine import SESSION_ROLE, PostgresEngine
from tests.sandbox.conftest import LOGIN


@pytest.fixture
def engine_role(postgres: PostgresEngine) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A connection to PostgreSQL as all sessions of clients have one."""
    with psycopg.connect(postgres.cluster.conninfo(SESSION_ROLE), autocommit=True) as connection:
        yield connection


def test_the_sessions_role_is_nobody_special(engine_role: psycopg.Connection[tuple[object, ...]]) -> None:
    assert engine_role.execute(
        "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls FROM pg_roles WHERE rolname = current_user"
    ).fetchall() == [(False,) * 5]
    assert (
        engine_role.execute(
            "SELECT rolname FROM pg_roles WHERE rolname <> current_user AND pg_has_role(current_user, oid, 'MEMBER')"
            " UNION ALL SELECT spcname FROM pg_tablespace WHERE spcname <> 'pg_default' AND has_tablespace_privilege(oid,"
            " 'CREATE')"
            " UNION ALL SELECT fdwname FROM pg_foreign_data_wrapper UNION ALL SELECT srvname FROM pg_foreign_server"
        ).fetchall()
        == []
    )
    # One that ran with its owner's rights would be a way around all of this.
    assert engine_role.execute("SELECT proname FROM pg_proc WHERE prosecdef").fetchall() == []


@pytest.mark.parametrize(
    "text",
    [
        "COPY (SELECT 1) TO PROGRAM 'id'",
        "COPY (SELECT 1) TO '/tmp/x'",
        "CREATE TEMP TABLE x (a text); COPY x FROM PROGRAM 'id'",
        "CREATE TEMP TABLE x (a text); COPY x FROM '/etc/passwd'",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_read_binary_file('/etc/passwd')",
        "SELECT pg_ls_dir('/')",
        "SELECT pg_stat_file('/etc/passwd')",
        "SELECT lo_import('/etc/passwd')",
        "SELECT lo_export(1, '/tmp/x')",
        "SELECT lo_create(1)",
        "SELECT query_to_xml('SELECT 1', true, true, '')",
        "SELECT pg_terminate_backend(pg_backend_pid())",
        "SELECT pg_reload_conf()",
        "SELECT current_setting('data_directory')",
        "SELECT rolpassword FROM pg_authid",
        "CREATE FUNCTION f() RETURNS int LANGUAGE c AS '/lib/x.so', 'f'",
        "CREATE FUNCTION f() RETURNS int LANGUAGE internal AS 'f'",
        "CREATE EXTENSION dblink",
        "CREATE EXTENSION file_fdw",
        "CREATE EXTENSION postgres_fdw",
        "CREATE EXTENSION adminpack",
        "CREATE LANGUAGE plpython3u",
        "CREATE ROLE x",
        "CREATE DATABASE x",
        "ALTER SYSTEM SET work_mem = '1MB'",
        "ALTER ROLE CURRENT_USER SUPERUSER",
        "LOAD '/lib/x.so'",
        "SET ROLE sandbox_owner",
        "SET SESSION AUTHORIZATION sandbox_owner",
        "SET ROLE pg_read_server_files",
        "SET ROLE pg_execute_server_program",
        "CREATE OR REPLACE FUNCTION sandbox.login_id() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        'CREATE OR REPLACE VIEW sandbox_sys."sys.databases" AS SELECT 1',
        "CREATE TABLE sandbox.x (a int)",
        "CREATE TABLE public.x (a int)",
        "DROP TABLE sandbox.logins",
        "TRUNCATE sandbox.logins",
        "ALTER TABLE sandbox.logins DISABLE TRIGGER ALL",
        "UPDATE sandbox.types SET name = 'x'",
        "DELETE FROM sandbox.permission_cover",
        "INSERT INTO sandbox.fixed_permissions VALUES (0, 0, 'CONTROL', 'W')",
        "UPDATE sandbox.fixed_principals SET name = 'x'",
        "DELETE FROM sandbox.permission_types",
        "SELECT setval('sandbox.rowversion_seq', 1)",
        'INSERT INTO sandbox_sys."sys.databases" DEFAULT VALUES',
    ],
)
def test_the_sessions_role_cannot(engine_role: psycopg.Connection[tuple[object, ...]], text: str) -> None:
    with pytest.raises(psycopg.Error) as caught:
        engine_role.execute(text.encode())
    # Refused for want of rights, or because there is no such thing to have: never for another reason.
    assert caught.value.sqlstate in {"42501", "0A000", "58P01", "42704", "55000"}, caught.value


def test_every_table_of_the_catalog_is_constant_or_says_what_clients_made(
    engine_role: psycopg.Connection[tuple[object, ...]],
) -> None:
    found = engine_role.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace IN ('sandbox'::regnamespace,"
        " 'sandbox_sys'::regnamespace) AND NOT has_table_privilege(oid, 'INSERT') ORDER BY relname"
    ).fetchall()
    assert [name for (name,) in found] == [
        *("fixed_permissions", "fixed_principals", "odbc_types", "permission_cover", "permission_types", "types"),
    ]


def test_only_the_servers_own_user_reaches_the_socket_and_the_data(tmp_path: Path) -> None:
    place = tmp_path / "kept"
    if os.geteuid() == 0:
        # Root's own server runs as a system user, which has to pass pytest's folders.
        place = Path(tempfile.mkdtemp(dir="/tmp")) / "kept"
        place.parent.chmod(0o755)
    for data in (None, place):
        with PostgresEngine(data, *LOGIN, "sandbox") as engine:
            folder = engine.cluster.folder
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            sockets = [path for path in folder.iterdir() if path.is_socket()]
            assert [stat.S_IMODE(path.stat().st_mode) for path in sockets] == [0o700]
            pgdata = (folder if data is None else data) / "postgres"
            assert stat.S_IMODE(pgdata.stat().st_mode) == 0o700
            owners = {path.stat().st_uid for path in (folder, pgdata, *sockets)}
            assert len(owners) == 1
            assert owners != {0}
            with psycopg.connect(engine.cluster.conninfo(SESSION_ROLE)) as connection:
                assert connection.execute(
                    "SELECT current_setting('listen_addresses'), inet_server_addr()"
                ).fetchone() == ("", None)
        assert not folder.exists()
