"""Faults on purpose: what goes wrong, when, and how often, as plain data that a test gives to `serve(faults=…)`.

    faults = Faults(Disconnect(at=COMMIT, moment=Moment.AFTER))
    with serve(faults=faults) as server:
        ...
        held = faults.add(Stall(at="INSERT INTO t", nth=3))
        held.wait_until_met(10.0)
        held.release()

A fault waits for an *event*, and every event has a text that the fault's pattern is searched in:

| event                          | its text                                                        |
|--------------------------------|-----------------------------------------------------------------|
| a client connects              | `CONNECT`                                                       |
| a login                        | `LOGIN` and the user's name, before its password is looked at   |
| a batch, an RPC, `INSERT BULK` | its T-SQL, as the client wrote it                               |
| the rows of a bulk load        | `BULK ROWS` and the table as `INSERT BULK` named it             |
| a transaction manager request  | `BEGIN`, `COMMIT`, `ROLLBACK` or `SAVE TRANSACTION` and the name |

The interpreter below carries out what comes in between as ever; `fault_points` is what puts faults in its way.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from etl.sandbox.errors import SqlServerError

CONNECT = r"\ACONNECT\Z"
LOGIN = r"\ALOGIN "
COMMIT = r"\bCOMMIT\b"
"""A transaction manager request, and T-SQL that holds the word (`IF @@TRANCOUNT > 0 COMMIT`)."""
INSERT = r"\bINSERT\b(?! BULK)|\ABULK ROWS "
"""Statements that add rows, and the rows of a bulk load."""
BULK_ROWS = r"\ABULK ROWS "


class Moment(Enum):
    """On which side of the work a fault strikes."""

    BEFORE = "before"
    """The request has arrived whole; nothing of it is carried out."""
    AFTER = "after"
    """It is carried out wholly; nothing of it has been answered. One that fails by itself is answered as ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Strikes at the matches number `nth` to `nth + times - 1` since it was added, on whichever connection they come.

    `at` is a regular expression, searched without regard to case. `times` None strikes from the nth match on for ever. `rows`,
    for `BULK_ROWS`: it strikes in the middle, once at least so many rows have been taken from the client.
    """

    at: str
    nth: int = 1
    times: int | None = 1
    moment: Moment = Moment.BEFORE
    rows: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail(Fault):
    """The request ends in this error; the batch it stands in counts as one statement.

    At a login it is the refusal; a client that only connects cannot be told and is disconnected. Elsewhere the transaction
    is left as this error leaves it (see `RULES`, and SET XACT_ABORT); severity 20 and above end the connection. `message`,
    `severity` and `state` None take what SQL Server says.
    """

    number: int
    message: str | None = None
    severity: int | None = None
    state: int | None = None

    def error(self) -> SqlServerError:
        """The error, new each time: what it passes through may write its line."""
        rule = RULES.get(self.number, _ANY)
        return SqlServerError(
            self.number,
            self.message or rule.message,
            severity=rule.severity if self.severity is None else self.severity,
            state=rule.state if self.state is None else self.state,
            ends_batch=rule.ends_batch,
            dooms_transaction=rule.dooms_transaction,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnect(Fault):
    """The connection ends without a word. What it had open is rolled back; what was carried out and committed stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut(Fault):
    """The connection ends once so many bytes, counted from the event on, were sent to or received from the client.

    Bytes of TDS: under encryption those inside. The bytes before the limit are exact: the next one is not sent or not seen.
    """

    sent: int | None = None
    received: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall(Fault):
    """Holds the request up for `seconds`, or (None) until it is released.

    The client can cancel it like any statement that takes long, and a client that leaves ends it.
    """

    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class _Rule:
    """What SQL Server says with an error, and what the error takes with it."""

    message: str
    severity: int = 16
    state: int = 1
    ends_batch: bool = False
    dooms_transaction: bool = False


_ANY = _Rule("An error on purpose.")

RULES: dict[int, _Rule] = {
    # The statement is rolled back and the transaction stays, unless XACT_ABORT is on.
    701: _Rule("There is insufficient system memory in resource pool 'default' to run this query.", 17, 123),
    1105: _Rule(
        "Could not allocate space for object in database because the 'PRIMARY' filegroup is full. Create disk space by"
        " deleting unneeded files, dropping objects in the filegroup, adding additional files to the filegroup, or"
        " setting autogrowth on for existing files in the filegroup.",
        17,
        2,
    ),
    1222: _Rule("Lock request time out period exceeded.", 16, 51),
    # The transaction is rolled back and the batch ends.
    1205: _Rule(
        "Transaction was deadlocked on lock resources with another process and has been chosen as the deadlock victim."
        " Rerun the transaction.",
        13,
        45,
        ends_batch=True,
        dooms_transaction=True,
    ),
    3960: _Rule(
        "Snapshot isolation transaction aborted due to update conflict. Retry the transaction or change the isolation"
        " level for the update/delete statement.",
        16,
        2,
        ends_batch=True,
        dooms_transaction=True,
    ),
    9002: _Rule(
        "The transaction log for database is full due to 'LOG_BACKUP'.", 17, 2, ends_batch=True, dooms_transaction=True
    ),
    # The connection ends, and with it the transaction.
    596: _Rule("Cannot continue the execution because the session is in the kill state.", 21),
    823: _Rule("The operating system returned an error to SQL Server during a read of a data file.", 24, 2),
    40197: _Rule("The service has encountered an error processing your request. Please try again.", 20),
    40501: _Rule("The service is currently busy. Retry the request after 10 seconds.", 20),
    40613: _Rule("Database on server is not currently available. Please retry the connection later.", 20),
    # Refusals of a login.
    4060: _Rule("Cannot open database requested by the login. The login failed.", 11),
    18456: _Rule("Login failed.", 14),
    18401: _Rule("Login failed. Reason: Server is in script upgrade mode.", 14),
}
"""Severities and states: learn.microsoft.com, "Database Engine events and errors" and (40xxx) "Troubleshoot transient
connection errors in Azure SQL". Resource errors such as 1105 end their statement alone; 1205, 3960 and 9002 the transaction."""


def disk_full(*, at: str = INSERT, nth: int = 1, times: int | None = 1) -> Fail:
    """Error 1105 on the nth statement that adds rows: that statement alone is rolled back."""
    return Fail(at=at, nth=nth, times=times, number=1105)


def deadlock(*, at: str = INSERT, nth: int = 1, times: int | None = 1) -> Fail:
    """Error 1205 on the nth statement that adds rows: the transaction is rolled back."""
    return Fail(at=at, nth=nth, times=times, number=1205)


def refuse_logins(times: int | None, number: int | None = 18456) -> Fault:
    """The next logins, right or wrong, are refused with the error, or (None) their connections end unanswered."""
    if number is None:
        return Disconnect(at=LOGIN, times=times)
    return Fail(at=LOGIN, times=times, number=number)


@dataclass(slots=True, eq=False)
class Armed:
    """A fault that waits for its event, and what has become of it."""

    fault: Fault
    _pattern: re.Pattern[str] = field(init=False, repr=False)
    _matches: int = 0
    _met: int = 0
    _released: bool = False
    _changed: threading.Condition = field(default_factory=threading.Condition, repr=False)

    def __post_init__(self) -> None:
        self._pattern = re.compile(self.fault.at, re.IGNORECASE)

    @property
    def met(self) -> int:
        """How often it has struck."""
        return self._met

    def wait_until_met(self, timeout_sec: float) -> None:
        """Wait until it has struck (a stall: until it holds a request up). Raises `TimeoutError`."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._met > 0, timeout_sec):
                raise TimeoutError(f"{self.fault} has not struck")

    def release(self) -> None:
        """End the stalls under way, and those to come."""
        with self._changed:
            self._released = True
            self._changed.notify_all()

    @property
    def released(self) -> bool:
        """Whether a stall need not wait any more."""
        return self._released

    def await_release(self, timeout_sec: float) -> bool:
        """For a fault point: whether it is released, after waiting for at most `timeout_sec`."""
        with self._changed:
            return self._changed.wait_for(lambda: self._released, timeout_sec)

    def strikes_at(self, text: str) -> bool:
        """For a fault point: count the event if it matches, and say whether the fault is to strike."""
        if not self._pattern.search(text):
            return False
        with self._changed:
            self._matches += 1
            behind = self._matches - self.fault.nth
            return behind >= 0 and (self.fault.times is None or behind < self.fault.times)

    def struck(self) -> None:
        """For a fault point: it has happened."""
        with self._changed:
            self._met += 1
            self._changed.notify_all()


class Faults:
    """The faults of one server. Any thread may change them at any time; a change holds from the next event on."""

    def __init__(self, *faults: Fault) -> None:
        self._lock = threading.Lock()
        self._armed = tuple(Armed(fault) for fault in faults)

    @property
    def armed(self) -> tuple[Armed, ...]:
        """All, in the order in which they were added; so they strike, where several meet one event."""
        return self._armed

    def add(self, fault: Fault) -> Armed:
        """Arm one more."""
        armed = Armed(fault)
        with self._lock:
            self._armed = (*self._armed, armed)
        return armed

    def remove(self, armed: Armed) -> None:
        """Disarm one, releasing what it holds up."""
        with self._lock:
            self._armed = tuple(other for other in self._armed if other is not armed)
        armed.release()

    def clear(self) -> None:
        """Disarm all, releasing what they hold up."""
        with self._lock:
            gone, self._armed = self._armed, ()
        _release(gone)

    def at(self, text: str) -> list[Armed]:
        """For a fault point: the faults that strike at an event."""
        return [armed for armed in self._armed if armed.strikes_at(text)]


def _release(armed: Iterable[Armed]) -> None:
    for one in armed:
        one.release()
