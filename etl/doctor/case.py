"""What is examined: one URL, and what several steps need to know of it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from etl.errors import JobError
from etl.odbc.hosts import DEFAULT_PORT, is_loopback

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from etl.connect import Endpoint
    from etl.odbc.encryption import Security
    from etl.odbc.setup import Setup


@dataclass
class Case:
    """An examination's subject. What is costly or may fail is found out at its first use."""

    reference: str | None
    """A URL, or `env:NAME`."""
    read_only: bool = False
    """It is a source: what only a target needs is not tried."""
    probe_sec: float = 2.0
    """How long reading and writing are measured, together; 0 leaves both out."""
    host: str = field(default="", init=False)
    """The address that the name resolved to."""
    offers_encryption: bool = field(default=False, init=False)
    agrees_to_encrypt: bool = field(default=False, init=False)
    """The server said to a client that wants all encrypted that it will be."""
    database_refusal: str = field(default="", init=False)
    """What the server said to a right login that asked for the database."""

    @cached_property
    def endpoint(self) -> Endpoint:
        """The URL as the project understands it. Raises JobError."""
        from etl.connect import Endpoint

        if self.reference is None:
            raise JobError(
                "no URL was given",
                advice="Give one, mssql+pyodbc://user:password@host:1433/database, or export ETL_TARGET_URL or ETL_SOURCE_URL.",
            )
        endpoint = Endpoint.of(self.reference, "writer")
        if endpoint.dialect != "mssql":
            raise JobError(
                f"{endpoint.label} is an SQLite file", advice="It needs no driver and no server: nothing to examine."
            )
        return endpoint

    def option(self, name: str) -> str | None:
        """One of the URL's options, which have the driver's own names by now."""
        value = self.endpoint.url.query.get(name)
        return None if value is None else str(value)

    @property
    def security(self) -> Security:
        """What the connection promises."""
        from etl.odbc import encryption

        return encryption.of(self.endpoint.url)

    @property
    def driver(self) -> str:
        """The driver's name in odbcinst.ini, or the path of its library."""
        from etl.odbc.files import DRIVER_NAME

        return self.option("driver") or DRIVER_NAME

    @cached_property
    def setup(self) -> Setup:
        """What unixODBC uses here."""
        from etl.odbc import setup
        from etl.odbc.libraries import DriverManager

        return setup.look(DriverManager.load())

    @property
    def drivers_file(self) -> str:
        """Where unixODBC finds its drivers."""
        found = self.setup.files[0]
        return found.path if found.exists else f"{found.path} (which is not there)"

    @property
    def server(self) -> tuple[str, int] | None:
        """Host and port, or None where only unixODBC, FreeTDS or SQL Server Browser knows them."""
        url = self.endpoint.url
        if not url.host or not url.database or any(map(self.option, ("dsn", "Servername", "instance"))):
            return None
        return url.host, url.port or DEFAULT_PORT

    @property
    def on_this_machine(self) -> bool:
        """Whether the server was reached over loopback."""
        return is_loopback(self.host)

    def connected(self) -> AbstractContextManager[Connection]:
        """A connection of a step's own, as a writer has it; what the step did not commit is gone afterwards."""
        return self.endpoint.connect()


def raw(connection: Connection) -> Any:
    """pyodbc's own connection."""
    found = connection.connection.dbapi_connection
    assert found is not None
    return found
