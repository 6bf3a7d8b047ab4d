"""sp_getapplock and sp_releaseapplock: locks on names, which loaders take to run alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from pymssql import _mssql

from tests.contract.lab import Lab, Session
from tests.contract.waiting import Concurrently, concurrently


@pytest.fixture
def at_once(lab: Lab) -> Iterator[Concurrently]:
    with concurrently(lab) as running:
        yield running


@pytest.fixture
def one(lab: Lab) -> Session:
    return lab.open()


@pytest.fixture
def other(lab: Lab) -> Session:
    session = lab.open()
    session.run("SET LOCK_TIMEOUT 20000")
    return session


def get(mode: str, owner: str = "Transaction", timeout: int = -1) -> str:
    return (
        f"SET NOCOUNT ON; DECLARE @r int; EXEC @r = sp_getapplock @Resource = N'load', @LockMode = '{mode}', @LockOwner ="
        f" '{owner}', @LockTimeout = {timeout}; SELECT @r"
    )


def test_an_application_lock_of_a_transaction(at_once: Concurrently, one: Session, other: Session) -> None:
    assert one.value("BEGIN TRAN; " + get("Exclusive")) == 0
    assert other.value("BEGIN TRAN; " + get("Exclusive", timeout=0)) == -1
    waiting = at_once.rows(other, get("Exclusive"))
    waiting.waits_for(one)
    one.run("COMMIT")
    assert waiting.outcome() == [(1,)]
    assert other.rows("SELECT @@TRANCOUNT") == [(1,)]
    other.run("ROLLBACK")
    assert one.value("BEGIN TRAN; " + get("Exclusive", timeout=0)) == 0
    one.run("ROLLBACK")


def test_an_application_lock_of_a_session(at_once: Concurrently, one: Session, other: Session) -> None:
    assert one.value(get("Exclusive", "Session")) == 0
    assert one.value(get("Exclusive", "Session")) == 0
    one.run("BEGIN TRAN; ROLLBACK")
    assert other.value(get("Shared", "Session", 50)) == -1
    release = "EXEC sp_releaseapplock @Resource = 'load', @LockOwner = 'Session'"
    one.run(release)
    assert other.value(get("Shared", "Session", 0)) == -1
    one.run(release)
    assert other.value(get("Shared", "Session", 0)) == 0
    failure = one.error(release)
    assert failure.number == 1223
    assert "because it is not currently held." in failure.text
    other.connection.close()
    waiting = at_once.rows(one, get("Exclusive", "Session", 20000))
    assert waiting.outcome() in ([(0,)], [(1,)])


def test_the_modes_of_application_locks(at_once: Concurrently, one: Session, other: Session) -> None:
    compatible = {("Shared", "Shared"), ("Shared", "Update"), ("Update", "Shared")}
    for held in ("Shared", "Update", "Exclusive"):
        for wanted in ("Shared", "Update", "Exclusive"):
            assert one.value("BEGIN TRAN; " + get(held)) == 0
            granted = other.value("BEGIN TRAN; " + get(wanted, timeout=0))
            assert granted == (0 if (held, wanted) in compatible else -1), (held, wanted)
            other.run("ROLLBACK")
            one.run("ROLLBACK")


def test_names_of_application_locks_tell_case_apart(at_once: Concurrently, one: Session, other: Session) -> None:
    assert one.value("BEGIN TRAN; " + get("Exclusive")) == 0
    assert other.value("BEGIN TRAN; " + get("Exclusive", timeout=0).replace("'load'", "'Load'")) == 0
    one.run("ROLLBACK")
    other.run("ROLLBACK")


def test_wrong_calls_for_application_locks(one: Session) -> None:
    without_transaction = one.error(get("Exclusive"))
    assert without_transaction.number > 0
    one.run("BEGIN TRAN")
    assert one.error(get("Wrong")).number == 1225
    assert one.error(get("Shared", "Nobody")).number == 1226


def test_the_return_status_of_a_call(one: Session, lab: Lab, server_url: str) -> None:
    assert one.value(get("Exclusive", "Session")) == 0
    url = sa.make_url(server_url)
    # pymssql's own connection type is the one that shows a procedure's return status.
    client = _mssql.connect(
        server=str(url.host), port=str(url.port), user=url.username, password=url.password, database=lab.database
    )
    try:
        call = client.init_procedure("sp_getapplock")
        for name, value in (("@Resource", "load"), ("@LockMode", "Shared"), ("@LockOwner", "Session")):
            call.bind(value, _mssql.SQLVARCHAR, name)
        call.bind(0, _mssql.SQLINT4, "@LockTimeout")
        assert call.execute() == -1
    finally:
        client.close()
