"""A stand-in for SQL Server: TDS 7.4 in front, an embedded PostgreSQL behind. For tests, demos and laptops.

`serve()` runs it in threads of this process; `run_forever()` is what the command line calls.
"""

from __future__ import annotations

import secrets
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from etl.sandbox.encryption import EncryptionChoice
    from etl.sandbox.engine import PostgresEngine
    from etl.sandbox.faults import Faults
    from etl.sandbox.sqltypes import Value

__all__ = ["Server", "run_forever", "serve"]

_PASSWORD_BYTES = 18
_SIGNAL_NOTICED_SEC = 0.2


@dataclass(frozen=True, slots=True)
class Server:
    """A running sandbox and how to reach it."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    certificate_file: Path | None
    """The PEM file by which a client can check the server's certificate (FreeTDS: `ca file`); None without encryption."""
    _engine: PostgresEngine = field(repr=False, compare=False)

    def url(self, database: str | None = None, driver: str = "FreeTDS") -> str:
        """The SQLAlchemy URL of a database, the password included. `driver` is its name in odbcinst.ini.

        A password with `}` does not arrive over FreeTDS 1.3, which does not undo the doubling that ODBC asks for.
        """
        # Without TDS_Version a freetds.conf may choose one; ClientCharset is for what an application reads as SQL_C_CHAR.
        options = urlencode({"driver": driver, "TDS_Version": "7.4", "ClientCharset": "UTF-8"})
        login = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"mssql+pyodbc://{login}@{host}:{self.port}/{quote(database or self.database, safe='')}?{options}"

    def load(self, database: str, schema: str, table: str, rows: Iterable[Sequence[Value]]) -> int:
        """Append rows to a table past the wire, fast, and give their number; see `PostgresEngine.load`."""
        return self._engine.load(database, schema, table, rows)


@contextmanager
def serve(  # noqa: PLR0913 - each option is a keyword with a default
    data: Path | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    user: str = "sa",
    password: str | None = None,
    database: str = "sandbox",
    logins: Mapping[str, str] | None = None,
    encryption: EncryptionChoice = "optional",
    certificate: Path | None = None,
    certificate_key: Path | None = None,
    faults: Faults | None = None,
) -> Iterator[Server]:
    """Run a sandbox while the context is open; it accepts connections from the first line inside.

    `data` is a folder that keeps the databases (made when missing), None a temporary one. `port` 0 takes a free one.
    `password` None makes a random one. `logins` are further logins with their passwords; they may do what they are granted.
    `faults` is what goes wrong on purpose.
    `encryption`, `certificate` and its key are explained in `encryption.py`. Raises `OSError` when the port is taken
    and `CertificateError`.
    """
    from etl.sandbox.encryption import encryption_policy
    from etl.sandbox.engine import PostgresEngine
    from etl.sandbox.fault_points import intercept
    from etl.sandbox.server import TdsServer, bind

    secret = password if password is not None else secrets.token_urlsafe(_PASSWORD_BYTES)
    with (
        bind(host, port) as listener,
        encryption_policy(encryption, host, certificate, certificate_key) as (tls, certificate_file),
        PostgresEngine(data, user=user, password=secret, database=database, logins=logins) as engine,
        TdsServer(engine, listener, tls=tls, intercept=None if faults is None else intercept(faults)) as server,
    ):
        yield Server(server.host, server.port, user, secret, database, certificate_file, engine)


def run_forever(ready: Callable[[Server], None], data: Path | None = None, **options: Any) -> None:
    """Serve until SIGINT or SIGTERM, then close down in order. `ready` is called once with the running server.

    `options` are those of `serve`. Main thread only, since it takes over both signals while it runs.
    """
    stop = threading.Event()
    previous = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with serve(data, **options) as server:
            ready(server)
            # A signal that another thread receives does not wake a wait without end.
            while not stop.wait(_SIGNAL_NOTICED_SEC):
                pass
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
