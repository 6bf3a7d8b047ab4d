"""rowversion values of sessions that end without a word, of savepoints, and of failed statements."""

from __future__ import annotations

from collections.abc import Callable

from etl.sandbox.outcomes import Isolation
from tests.sandbox.tsql import Session


def lowest(session: Session) -> int:
    return int(str(session.value("CAST(MIN_ACTIVE_ROWVERSION() AS bigint)")))


def last(session: Session) -> int:
    return int(str(session.value("CAST(@@DBTS AS bigint)")))


def test_types_are_sql_servers(shared: Session) -> None:
    assert shared.run("SELECT @@DBTS, MIN_ACTIVE_ROWVERSION()").types == ["varbinary(8)", "binary(8)"]


def test_a_session_that_ends_releases_what_it_drew(sessions: Callable[[], Session]) -> None:
    reader, writer = sessions(), sessions()
    reader.run("CREATE TABLE t (a int, v rowversion)")
    writer.interpreter.begin(Isolation.CURRENT)
    writer.run("INSERT INTO t (a) VALUES (1)")
    drawn = last(reader)
    assert lowest(reader) == drawn
    writer.interpreter.close()
    while lowest(reader) == drawn:
        pass  # the engine notices in its own time
    assert (lowest(reader), reader.rows("SELECT * FROM t")) == (drawn + 1, [])


def test_back_to_a_savepoint_nothing_is_drawn(sessions: Callable[[], Session]) -> None:
    reader, writer = sessions(), sessions()
    reader.run("CREATE TABLE t (a int NOT NULL PRIMARY KEY, v rowversion)")
    writer.run("BEGIN TRAN; SAVE TRAN s; INSERT INTO t (a) VALUES (1); ROLLBACK TRAN s")
    assert lowest(reader) == last(reader) + 1
    writer.run("INSERT INTO t (a) VALUES (1)")
    held = lowest(reader)
    assert held == last(reader)
    assert writer.error("INSERT INTO t (a) VALUES (2), (1)").number == 2627
    assert lowest(reader) == held
    writer.run("COMMIT")
    assert reader.rows(f"SELECT CAST(v AS bigint) - {held} FROM t") == [(0,)]


def test_every_row_of_a_statement_has_its_own_value(session: Session) -> None:
    session.run("CREATE TABLE t (a int, v rowversion); INSERT INTO t (a) SELECT column_id FROM sys.columns")
    assert session.rows("SELECT COUNT(*) - COUNT(DISTINCT v) FROM t") == [(0,)]
    before = last(session)
    session.run("UPDATE t SET a = 0")
    assert session.rows(f"SELECT COUNT(*) FROM t WHERE CAST(v AS bigint) <= {before}") == [(0,)]
