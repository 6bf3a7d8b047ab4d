"""MIN_ACTIVE_ROWVERSION and @@DBTS: what a reader may take for complete while others write."""

from __future__ import annotations

from tests.contract.lab import Lab, Session

VERSIONS = "SELECT CAST(@@DBTS AS bigint), CAST(MIN_ACTIVE_ROWVERSION() AS bigint)"


def stamps(session: Session, where: str = "1 = 1") -> list[int]:
    return [row[0] for row in session.rows(f"SELECT CAST(v AS bigint) FROM dbo.t WHERE {where} ORDER BY v")]


def make_table(session: Session) -> None:
    session.run("DROP TABLE IF EXISTS dbo.t; CREATE TABLE dbo.t (a int NOT NULL, v rowversion NOT NULL)")


def test_without_writers_the_next_value_is_the_lowest(lab: Lab) -> None:
    one = lab.open()
    make_table(one)
    one.run("INSERT INTO dbo.t (a) VALUES (1), (2)")
    ((last, lowest),) = one.rows(VERSIONS)
    assert stamps(one) == [last - 1, last]
    assert lowest == last + 1


def test_values_of_an_open_transaction_are_not_below_it(lab: Lab) -> None:
    writer, reader = lab.open(autocommit=False), lab.open()
    make_table(reader)
    reader.run("INSERT INTO dbo.t (a) VALUES (1)")
    writer.run("INSERT INTO dbo.t (a) VALUES (2)")
    ((own,),) = writer.rows("SELECT CAST(v AS bigint) FROM dbo.t WHERE a = 2")
    reader.run("INSERT INTO dbo.t (a) VALUES (3)")
    ((last, lowest),) = reader.rows(VERSIONS)
    assert lowest <= own < last
    assert stamps(reader, f"v < CAST(CAST({lowest} AS bigint) AS binary(8))") == [own - 1]
    writer.connection.commit()
    ((last, lowest),) = reader.rows(VERSIONS)
    assert lowest == last + 1
    assert len(stamps(reader, "v < MIN_ACTIVE_ROWVERSION()")) == 3


def test_a_rollback_releases_what_it_drew(lab: Lab) -> None:
    writer, reader = lab.open(autocommit=False), lab.open()
    make_table(reader)
    writer.run("INSERT INTO dbo.t (a) VALUES (1)")
    ((last, lowest),) = reader.rows(VERSIONS)
    assert lowest <= last
    writer.connection.rollback()
    ((later, free),) = reader.rows(VERSIONS)
    assert (later, free) == (last, last + 1)


def test_an_update_draws_new_values(lab: Lab) -> None:
    writer, reader = lab.open(autocommit=False), lab.open()
    make_table(reader)
    reader.run("INSERT INTO dbo.t (a) VALUES (1), (2), (3)")
    before = stamps(reader)
    writer.run("UPDATE dbo.t SET a = 9 WHERE a = 1")
    ((lowest,),) = reader.rows("SELECT CAST(MIN_ACTIVE_ROWVERSION() AS bigint)")
    # The old row is still what readers see; what the update drew is above all they may take.
    assert stamps(reader, f"v < CAST(CAST({lowest} AS bigint) AS binary(8))") == before
    writer.connection.commit()
    after = stamps(reader)
    assert after[:2] == before[1:]
    assert after[2] >= lowest
