"""Every error that a user of the library meets, in one tree.

::

    EtlError                    exit  1   anything of ours
    ├── JobError                exit  2   the job asks for what does not exist or does not fit together
    ├── ConnectError            exit  3   no way to the database
    │   ├── DriverMissing       exit  3   the ODBC driver is not installed
    │   └── LoginFailed         exit  3   the server refused user, password or database
    ├── SchemaError             exit  4   columns, types or values do not fit
    ├── TransformError          exit  5   the user's function raised or returned something else than a DataFrame
    ├── DatabaseError           exit  6   the server refused a statement
    ├── ChunkFailed             exit  7   a chunk could not be done; what is committed stays and can be resumed
    │   ├── WorkerDied          exit  8   a worker process ended while it held a chunk
    │   └── TooManyRejects      exit  7   more rows are refused than the job allows
    ├── InputsFailed            exit  7   the function of a sweep failed on inputs; the other results are stored
    ├── LedgerError             exit  9   the ledger and what happened do not agree, or a run cannot be resumed
    │   ├── ClaimLost           exit  9   the server rolled a chunk's transaction back underneath
    │   └── SpoolGone           exit  9   the rows of a stream are not where the run has put them
    ├── CheckFailed             exit 10   source and target differ after the run
    └── Interrupted             exit 130  stopped by SIGINT or SIGTERM

Each message says what happened and to what; `state` says what is in the database now; `advice` says what to do next. All
errors pickle, since they cross process boundaries.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar


class EtlError(Exception):
    """What happened (`message`), what state the data is in (`state`), what to do next (`advice`)."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, state: str = "", advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.state = state
        self.advice = advice

    def __str__(self) -> str:
        return "\n".join(part for part in (self.message, self.state, self.advice) if part)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.__dict__)


def _rebuild(cls: type[EtlError], attributes: dict[str, Any]) -> EtlError:
    error = cls.__new__(cls, attributes["message"])
    error.__dict__.update(attributes)
    return error


class JobError(EtlError):
    """The job names a table, column, key, transform or option that does not exist or does not fit."""

    exit_code = 2


class ConnectError(EtlError):
    """The database cannot be reached."""

    exit_code = 3


class DriverMissing(ConnectError):
    """The ODBC driver that the URL names is not installed or cannot be loaded."""


class LoginFailed(ConnectError):
    """The server answered and refused the user, the password or the database."""


class SchemaError(EtlError):
    """Columns, types or values do not fit between source, transform and target."""

    exit_code = 4


class TransformError(EtlError):
    """The user's function raised, or returned something that is not a DataFrame."""

    exit_code = 5


class DatabaseError(EtlError):
    """The server refused a statement. `number` is SQL Server's error number, `sqlstate` the driver's, where known."""

    exit_code = 6

    def __init__(
        self, message: str, *, state: str = "", advice: str = "", sqlstate: str = "", number: int | None = None
    ) -> None:
        super().__init__(message, state=state, advice=advice)
        self.sqlstate = sqlstate
        self.number = number


class ChunkFailed(EtlError):
    """A chunk could not be done. What is committed stays, and the run can be resumed."""

    exit_code = 7

    def __init__(self, message: str, *, state: str = "", advice: str = "", chunk_no: int = 0) -> None:
        super().__init__(message, state=state, advice=advice)
        self.chunk_no = chunk_no


class WorkerDied(ChunkFailed):
    """A worker process ended (killed, out of memory, crashed) while it held a chunk; `deaths` of them, one after the other."""

    exit_code = 8

    def __init__(self, message: str, *, state: str = "", advice: str = "", chunk_no: int = 0, deaths: int = 1) -> None:
        super().__init__(message, state=state, advice=advice, chunk_no=chunk_no)
        self.deaths = deaths


class TooManyRejects(ChunkFailed):
    """More rows are refused than the job's `max_rejects` allows."""


class InputsFailed(EtlError):
    """The function of a sweep failed on inputs. The results of the others are stored; `failed` is how many have none."""

    exit_code = 7

    def __init__(self, message: str, *, state: str = "", advice: str = "", failed: int = 0) -> None:
        super().__init__(message, state=state, advice=advice)
        self.failed = failed


class LedgerError(EtlError):
    """The ledger does not agree with what happened, or a run cannot be found or resumed."""

    exit_code = 9


class ClaimLost(LedgerError):
    """The server rolled a chunk's transaction back without that the driver said so."""


class SpoolGone(LedgerError):
    """The rows of a stream are not where the run has put them, or are other ones."""


class CheckFailed(EtlError):
    """After the run, source, ledger and target do not agree."""

    exit_code = 10


class Interrupted(EtlError):
    """Stopped by SIGINT or SIGTERM; running chunks were rolled back."""

    exit_code = 130


@contextmanager
def told() -> Iterator[None]:
    """Around a program's work: an error of ours ends it with its message on stderr and its exit code, without a traceback."""
    try:
        yield
    except EtlError as error:
        print(f"error: {error.message}", file=sys.stderr)
        for line in filter(None, (error.state, error.advice)):
            print(f"  {line}", file=sys.stderr)
        raise SystemExit(error.exit_code) from error


NATIVE_NUMBER = re.compile(r"\((\d+)\) \(SQL\w+(?:\(\w+\))?\)")
"""pyodbc writes `[SQLSTATE] [driver]message (native number) (ODBC function)` for each diagnostics record and offers the
number nowhere else (`src/errors.cpp`, GetSQLSTATE and AddDiagnosticRecord). The function may have the attribute it set."""

ARROW_ODBC = re.compile(r"State: (\w{5}), Native error: (-?\d+), Message: (.*)", re.DOTALL)
"""How arrow-odbc writes a diagnostics record."""

DRIVER_NOT_FOUND = frozenset({"IM002", "IM003", "01000"})
"""unixODBC's SQLSTATEs for a data source or driver that is not registered, or whose library cannot be opened."""

LOGIN_REFUSED = frozenset({18456, 18452, 18470, 18487, 18488, 4060, 4064})
"""SQL Server's numbers for a refused login or database (its error reference, "Database engine events and errors")."""


def server_number(error: BaseException) -> int | None:
    """SQL Server's number of a driver's error, or None when the error did not come from the server."""
    text = " ".join(map(str, error.args))
    numbers = [int(found) for found in NATIVE_NUMBER.findall(text) + [row[1] for row in ARROW_ODBC.findall(text)]]
    return next((number for number in numbers if number), None)


def sqlstate(error: BaseException) -> str:
    """The five-character SQLSTATE of a driver's error, or an empty string."""
    state = error.args[0] if error.args else ""
    arrow = ARROW_ODBC.search(str(state))
    if arrow is not None:
        return arrow[1]
    return state if isinstance(state, str) and len(state) == 5 else ""


MAX_SAID_CHARS = 2_000
"""SQL Server's own messages have 2,047 at most; arrow-odbc puts a whole value, of any length, into one."""


def server_message(error: BaseException) -> str:
    """The driver's text without its prefixes: what the server said."""
    text = str(error.args[1] if len(error.args) > 1 else error)
    arrow = ARROW_ODBC.search(text)
    text = text if arrow is None else arrow[3]
    text = NATIVE_NUMBER.sub("", text)
    said = re.sub(r"\[[^\]]{2,40}\]\s*", "", text).strip(" ;")
    return said if len(said) <= MAX_SAID_CHARS else f"{said[:MAX_SAID_CHARS]}…"


def from_connect(error: BaseException, where: str) -> ConnectError:
    """Turn a driver's error at connect time into ours. `where` names server and database without secrets."""
    number, state = server_number(error), sqlstate(error)
    said = server_message(error)
    # FreeTDS gives 01000 too, to a link that is lost while the connection is set up, but with a number of its own.
    if state in DRIVER_NOT_FOUND and number is None:
        return DriverMissing(
            f"cannot connect to {where}: the ODBC driver is not installed or cannot be loaded ({said})",
            advice="Install it with `odbc/install.sh`, and see what unixODBC knows with `etl odbc show`.",
        )
    if number in LOGIN_REFUSED or state == "28000":
        return LoginFailed(
            f"cannot connect to {where}: the server refused the login: {said}",
            advice="Check user, password and database in the URL or in ETL_SOURCE_URL / ETL_TARGET_URL.",
        )
    return ConnectError(
        f"cannot connect to {where}: {said}",
        advice="Check that host and port are right and that the server answers there.",
    )


def from_statement(error: BaseException, doing: str, *, state: str = "") -> DatabaseError:
    """Turn a driver's error on a statement into ours. `doing` says what was under way, on which table."""
    number = server_number(error)
    said = server_message(error)
    numbered = f"{said} (error {number})" if number else said
    return DatabaseError(f"{doing}: {numbered}", state=state, sqlstate=sqlstate(error), number=number)
