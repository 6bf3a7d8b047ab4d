"""Any password that SQL Server takes opens a connection, from a URL, an ODBC string, a file, and to every way of reading."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import keyring
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keyring.backend import KeyringBackend

import etl
from etl import references
from etl.connect import Endpoint
from etl.errors import JobError, LoginFailed
from etl.odbc import connection_string
from tests.databases import MssqlDatabase
from tests.logins import OWNER, a_login

ODD = [
    "p;w",
    "p}w",
    "p;w}",
    "{p",
    "{p}",
    "{p;w}",
    "}",
    ";",
    "p@w:/?#&=%41 +",
    " both ends ",
    "ünï😀",
    "'\"]",
    "PWD=x;UID=y",
    "\\",
]
PASSWORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40).filter(
    lambda password: "};" not in password
) | st.text(";}{]['\"@ =%\\é😀", min_size=1, max_size=12).filter(lambda password: "};" not in password)


@pytest.fixture
def login(server_database: MssqlDatabase) -> Iterator[str]:
    """A login that owns the database."""
    with a_login(server_database, OWNER, any_password=True) as url:
        yield str(url.username)


def change(database: MssqlDatabase, login: str, password: str) -> sa.URL:
    """Give the login this password; returns its URL."""
    literal = password.replace("'", "''")
    database.query(f"ALTER LOGIN {login} WITH PASSWORD = N'{literal}'")
    return sa.make_url(database.url).set(username=login, password=password)


def opens(database: MssqlDatabase, login: str, password: str) -> None:
    """Connect by the password, from a URL."""
    assert who(change(database, login, password).render_as_string(hide_password=False)) == login


def who(reference: str) -> str:
    with Endpoint.of(reference, "reader").connect() as connection:
        return str(connection.exec_driver_sql("SELECT SUSER_SNAME()").scalar_one())


@pytest.mark.parametrize("password", ODD)
def test_odd_ones_in_each_form(server_database: MssqlDatabase, login: str, password: str, tmp_path: Path) -> None:
    url = change(server_database, login, password)
    text = url.render_as_string(hide_password=False)
    kept = tmp_path / "password"
    kept.write_text(password + "\n")
    kept.chmod(0o600)
    bare = url._replace(password=None).update_query_dict({"password_from": f"file:{kept}"}).render_as_string()
    escaped = password.replace("}", "}}")
    whole = f"DRIVER={{FreeTDS}};SERVER={url.host},{url.port};DATABASE={url.database};UID={login};PWD={{{escaped}}}"
    assert [who(one) for one in (text, bare, f"mssql+pyodbc:///?odbc_connect={quote(whole)}")] == [login] * 3
    assert etl.read_sql("SELECT SUSER_SNAME() AS name", text)["name"].to_list() == [login]
    with pytest.raises(LoginFailed):
        who(url.set(password=password + "x").render_as_string(hide_password=False))


def test_drawn_ones(server_database: MssqlDatabase, login: str) -> None:
    @settings(
        max_examples=60,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(PASSWORDS)
    def connects(password: str) -> None:
        opens(server_database, login, password)

    connects()


def test_what_the_driver_cannot_be_given_is_refused() -> None:
    url = references.resolve(f"mssql+pyodbc://sa:{quote('a};b')}@db.example.com/shop")
    if connection_string._doubles_braces("FreeTDS"):
        assert "PWD={a}};b};" in connection_string.build(url)
        return
    with pytest.raises(JobError, match=r"the password has \}; in it") as refused:
        connection_string.build(url)
    assert "a};b" not in str(refused.value)


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("mssql+pyodbc://u:p@h/d?Encrpt=yes", "does not know the option Encrpt; did you mean Encrypt?"),
        ("mssql+pyodbc://u:p@h/d?Encrypt=strict", "Encrypt=strict cannot be had of FreeTDS"),
        ("mssql+pyodbc://u:p@h/d?Encryption=no", "Encryption=no means nothing to FreeTDS"),
        ("mssql+pyodbc://u:p@h/d?Encrypt=yes&Encryption=off", "Encrypt and Encryption contradict each other"),
        ("mssql+pyodbc://u:p@h/d?TrustServerCertificate=maybe", "is neither yes nor no"),
        ("mssql+pyodbc://u:p@h/d?TrustServerCertificate=yes&ca_file=system", "contradict each other"),
        ("mssql+pyodbc://u:p@h/d?check_hostname=no", "none is checked"),
        ("mssql+pyodbc://u:p@h/d?Encryption=off&ca_file=system", "is checked with Encryption=require, not off"),
        ("mssql+pyodbc://u:p@h/d?ca_file=/nowhere.pem", "the CA file /nowhere.pem cannot be read"),
        ("mssql+pyodbc://u:p@h/d?PacketSize=1&packetsize=2", "the option PacketSize is given twice"),
        ("mssql+pyodbc://u:p@h/d?PacketSize=1&PacketSize=2", "the option PacketSize is given twice"),
        ("mssql+pyodbc://u:p@/d?server=a&server=b", "the option server is given twice"),
        ("mssql+pyodbc://u:p@h/d?server=b", "the URL gives server twice"),
        ("mssql+pyodbc://u:p@h/d?password_from=env:X", "goes with a user without a password"),
        ("mssql+pyodbc://u@h/d?password_from=hunter2", "does not say where the password is kept"),
        ("mssql+pyodbc://u@h/d?password_from=env:ETL_NO_SUCH_VARIABLE", "ETL_NO_SUCH_VARIABLE is not set"),
        ("file:/nowhere/url", "/nowhere/url cannot be read: No such file"),
        ("keyring:nobody", "keyring:nobody names no user"),
        ("mssql+pyodbc:///?odbc_connect=DRIVER%3D{FreeTDS", "a brace that is not closed"),
        ("mssql+pyodbc:///?odbc_connect=DRIVER%3DFreeTDS", "names no server"),
    ],
)
def test_what_contradicts_itself_or_is_not_there(reference: str, said: str) -> None:
    with pytest.raises(JobError) as refused:
        references.resolve(reference)
    assert said in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    kept = tmp_path / "url"
    kept.write_text("mssql+pyodbc://u:hunter2@h/d\n")
    kept.chmod(0o640)
    with pytest.raises(JobError, match=r"others than its owner may read or write .*url \(mode 0640\)") as refused:
        references.resolve(f"file:{kept}")
    assert refused.value.advice == f"chmod 600 {kept}"
    kept.chmod(0o400)
    assert references.resolve(f"file:{kept}").password == "hunter2"


class Ring(KeyringBackend):
    """A keyring of one password."""

    priority = 1

    def get_password(self, service: str, username: str) -> str | None:
        return "hunter2" if (service, username) == ("sales/db", "reader") else None

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError


def test_a_password_of_the_keyring() -> None:
    before = keyring.get_keyring()
    keyring.set_keyring(Ring())  # type: ignore[no-untyped-call] # keyring has no type there
    try:
        found = references.resolve("mssql+pyodbc://reader@h/d?password_from=keyring:sales/db/reader")
        with pytest.raises(JobError, match="no password for h: keyring:sales/nobody is empty"):
            references.resolve("mssql+pyodbc://reader@h/d?password_from=keyring:sales/nobody")
    finally:
        keyring.set_keyring(before)
    assert (found.password, found.query.get("password_from")) == ("hunter2", None)


def options(reference: str) -> dict[str, object]:
    return dict(references.resolve(reference).query)


@pytest.mark.parametrize(
    ("host", "given_options", "expected"),
    [
        ("db.example.com", "", "require"),
        ("10.0.0.7", "", "require"),
        ("localhost", "", "request"),
        ("127.0.0.1", "", "request"),
        ("[::1]", "", "request"),
        ("db.example.com", "?Encryption=off", "off"),
        ("db.example.com", "?encrypt=no", "request"),
        ("db.example.com", "?Encrypt=Optional&TrustServerCertificate=yes", "request"),
        ("127.0.0.1", "?TrustServerCertificate=no", "require"),
    ],
)
def test_encryption_is_the_rule_beyond_this_machine(host: str, given_options: str, expected: str) -> None:
    assert options(f"mssql+pyodbc://u:p@{host}/d{given_options}")["Encryption"] == expected


def test_every_form_of_a_description_says_the_same() -> None:
    url = "mssql+pyodbc://u:p%3Bw@db.example.com:1444/shop?driver=FreeTDS"
    whole = quote("DRIVER={FreeTDS};Server=db.example.com,1444;Database=shop;UID=u;PWD={p;w}")
    assert references.resolve(f"mssql+pyodbc:///?odbc_connect={whole}") == references.resolve(url)
    source = references.resolve("mssql+pyodbc://u:p@sales")
    assert connection_string.build(source) == "DSN=sales;UID=u;PWD=p;"
