"""The tree of errors: documented, picklable, and made from what a driver says."""

from __future__ import annotations

import copy
import pickle
import re

import cloudpickle
import pytest

from etl import errors
from etl.errors import EtlError


def kinds(parent: type[EtlError] = EtlError) -> list[type[EtlError]]:
    """The tree in the order in which it is documented: each kind before its own kinds."""
    below = [kind for kind in parent.__subclasses__() if kind.__module__ == "etl.errors"]
    return [parent, *(found for kind in below for found in kinds(kind))]


@pytest.mark.parametrize("kind", kinds())
@pytest.mark.parametrize("library", [pickle, cloudpickle])
def test_every_error_pickles_with_all_it_has(kind: type[EtlError], library: object) -> None:
    error = kind("what", state="where", advice="how")
    error.extra = [1, 2]  # type: ignore[attr-defined]
    again = pickle.loads(library.dumps(error))  # type: ignore[attr-defined]
    assert type(again) is kind
    assert again.__dict__ == error.__dict__
    assert again.args == error.args == ("what",)
    assert str(again) == "what\nwhere\nhow"
    assert copy.copy(error).__dict__ == error.__dict__


def test_the_attributes_of_special_errors_pickle() -> None:
    refused = pickle.loads(pickle.dumps(errors.DatabaseError("no", sqlstate="42000", number=207)))
    assert (refused.sqlstate, refused.number) == ("42000", 207)
    died = pickle.loads(pickle.dumps(errors.WorkerDied("no", chunk_no=7)))
    assert died.chunk_no == 7


def test_the_documented_tree_is_the_tree() -> None:
    documented = re.findall(r"^[ │├└─]*(\w+)\s+exit\s+(\d+)\s", errors.__doc__ or "", re.MULTILINE)
    assert documented == [(kind.__name__, str(kind.exit_code)) for kind in kinds()]


def test_empty_parts_leave_no_empty_lines() -> None:
    assert str(EtlError("what", advice="how")) == "what\nhow"


LOGIN = "[28000] [FreeTDS][SQL Server]Login failed for user 'sa'. (18456) (SQLDriverConnect)"
DATABASE = '[42000] [FreeTDS][SQL Server]Cannot open database "x". (4060) (SQLDriverConnect)'
NO_DRIVER = "[01000] [unixODBC][Driver Manager]Can't open lib 'FreeTDS' : file not found (0) (SQLDriverConnect)"
LOST = "[01000] [FreeTDS][SQL Server]Unexpected EOF from the server (20017) (SQLExecDirectW)"
LOST_AT_ONCE = (
    "[01000] [FreeTDS][SQL Server]Unexpected EOF from the server (20017) (SQLSetConnectAttr(SQL_ATTR_AUTOCOMMIT))"
)
NO_SERVER = (
    "[08001] [FreeTDS][SQL Server]Unable to connect to data source (0) (SQLDriverConnect); "
    "[08001] [FreeTDS][SQL Server]Unknown host (20013)"
)


@pytest.mark.parametrize(
    ("arguments", "kind", "said"),
    [
        (("28000", LOGIN), errors.LoginFailed, "the server refused the login: Login failed for user 'sa'."),
        (("42000", DATABASE), errors.LoginFailed, 'Cannot open database "x".'),
        (("01000", NO_DRIVER), errors.DriverMissing, "Can't open lib 'FreeTDS' : file not found"),
        (("08001", NO_SERVER), errors.ConnectError, "cannot connect to host/db: Unable to connect to data source"),
        (("01000", LOST), errors.ConnectError, "cannot connect to host/db: Unexpected EOF from the server"),
        (("01000", LOST_AT_ONCE), errors.ConnectError, "cannot connect to host/db: Unexpected EOF from the server"),
        (("unable to open database file",), errors.ConnectError, "unable to open database file"),
    ],
)
def test_what_a_driver_says_at_connect(arguments: tuple[str, ...], kind: type[EtlError], said: str) -> None:
    error = errors.from_connect(Exception(*arguments), "host/db")
    assert type(error) is kind
    assert said in error.message
    assert "FreeTDS]" not in error.message
    assert error.advice


def test_what_a_driver_says_of_a_statement() -> None:
    said = "[23000] [FreeTDS][SQL Server]Violation of PRIMARY KEY. (2627) (SQLExecDirectW)"
    error = errors.from_statement(Exception("23000", said), "appending to t", state="nothing")
    assert (error.number, error.sqlstate, error.state) == (2627, "23000", "nothing")
    assert error.message == "appending to t: Violation of PRIMARY KEY. (error 2627)"
    plain = errors.from_statement(Exception("no such table: x"), "reading x")
    assert (plain.number, plain.sqlstate, plain.message) == (None, "", "reading x: no such table: x")
