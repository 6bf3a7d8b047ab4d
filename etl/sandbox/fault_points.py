"""Where faults strike: around the interpreter's contract (`outcomes`) and the transport, one pair for each connection."""

from __future__ import annotations

import math
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sized
from typing import TypeVar

from etl.sandbox.errors import SqlServerError
from etl.sandbox.faults import Armed, Cut, Disconnect, Fail, Faults, Moment, Stall
from etl.sandbox.outcomes import BulkRows, Client, Engine, Interpreter, Isolation, Outcome, Parameterized, ResultSet
from etl.sandbox.transport import ClientGoneError, Transport

_WATCHED_SEC = 0.05
"""How often a stall looks whether its client has cancelled or left."""

_INSERT_BULK = re.compile(r"\s*INSERT\s+BULK\s+(.*?)\s*\(", re.IGNORECASE | re.DOTALL)
_Batch = TypeVar("_Batch", bound=Sized)


def intercept(faults: Faults) -> Callable[[socket.socket, Engine], tuple[Transport, Engine]]:
    """What a server makes of an accepted socket and its engine, so that `faults` strike there."""

    def make(sock: socket.socket, engine: Engine) -> tuple[Transport, Engine]:
        transport = FaultyTransport(sock, faults)
        return transport, FaultyEngine(engine, faults, transport)

    return make


class FaultyTransport(Transport):
    """Ends the connection after a number of bytes."""

    def __init__(self, sock: socket.socket, faults: Faults) -> None:
        super().__init__(sock)
        self._faults = faults
        self._connected = False
        self._room: dict[str, tuple[int, Armed]] = {}

    def limit(self, armed: Armed, cut: Cut) -> None:
        """From now on, no more bytes than this."""
        if cut.sent is not None:
            self._room["sent"] = cut.sent, armed
        if cut.received is not None:
            self._room["received"] = cut.received, armed

    def receive(self) -> bytes:
        """As `Transport.receive`, up to the limit."""
        self._connect()
        data = super().receive()
        allowed = self._spend("received", len(data))
        if self._spent("received"):
            self._break("received")
        return data[:allowed]

    def send(self, data: bytes) -> None:
        """As `Transport.send`, up to the limit."""
        allowed = self._spend("sent", len(data))
        super().send(data[:allowed])
        if self._spent("sent"):
            self._break("sent")
            raise ClientGoneError("cut on purpose")

    def _connect(self) -> None:
        if self._connected:
            return
        self._connected = True
        for armed in self._faults.at("CONNECT"):
            try:
                _strike_outside(armed, self)
            except SqlServerError as error:
                raise ClientGoneError(f"refused on purpose: {error}") from error

    def _spent(self, direction: str) -> bool:
        return direction in self._room and not self._room[direction][0]

    def _spend(self, direction: str, size: int) -> int:
        """How many of `size` bytes may pass."""
        if direction not in self._room:
            return size
        room, armed = self._room[direction]
        allowed = min(room, size)
        self._room[direction] = room - allowed, armed
        return allowed

    def _break(self, direction: str) -> None:
        _, armed = self._room.pop(direction)
        armed.struck()
        self.abort()


class FaultyEngine:
    """An engine whose logins fail on purpose, for one connection."""

    def __init__(self, engine: Engine, faults: Faults, transport: FaultyTransport) -> None:
        self._engine = engine
        self._faults = faults
        self._transport = transport

    def login(self, user: str, password: str, database: str) -> Interpreter:
        """See `outcomes.Engine`."""
        struck = self._faults.at(f"LOGIN {user}")
        _strike_all(struck, Moment.BEFORE, self._transport)
        interpreter = FaultyInterpreter(self._engine.login(user, password, database), self._faults, self._transport)
        try:
            _strike_all(struck, Moment.AFTER, self._transport)
        except BaseException:
            interpreter.close()
            raise
        return interpreter


class FaultyInterpreter:
    """One client's session, with faults in its way. See `outcomes.Interpreter`."""

    def __init__(self, interpreter: Interpreter, faults: Faults, transport: FaultyTransport) -> None:
        self._interpreter = interpreter
        self._faults = faults
        self._transport = transport
        self._wake = threading.Event()
        self._bulk_table = ""

    @property
    def transaction_count(self) -> int:
        """@@TRANCOUNT as it is now."""
        return self._interpreter.transaction_count

    @property
    def database(self) -> str:
        """The current database's name."""
        return self._interpreter.database

    def describe_client(self, client: Client) -> None:
        """See `outcomes.Interpreter`."""
        self._interpreter.describe_client(client)

    def run(self, request: Parameterized) -> Iterator[Outcome]:
        """Run a batch or a parameterised statement."""
        announced = _INSERT_BULK.match(request.text)
        if announced:
            self._bulk_table = announced[1]
        struck = self._faults.at(request.text)
        if not struck:
            return self._interpreter.run(request)
        return self._run(struck, request)

    def _run(self, struck: list[Armed], request: Parameterized) -> Iterator[Outcome]:
        for armed in _of(struck, Moment.BEFORE):
            yield from self._strike(armed)
            if isinstance(armed.fault, Fail):
                return
        yield from self._afterwards(_of(struck, Moment.AFTER), self._interpreter.run(request))

    def bulk_load(self, rows: BulkRows) -> Iterator[Outcome]:
        """The rows of a bulk load."""
        struck = self._faults.at(f"BULK ROWS {self._bulk_table}")
        before = _of(struck, Moment.BEFORE)
        if before:
            rows.batches = self._counted(before, rows.batches)
        return self._afterwards(_of(struck, Moment.AFTER), self._interpreter.bulk_load(rows))

    def _counted(self, struck: list[Armed], batches: Iterator[_Batch]) -> Iterator[_Batch]:
        taken = 0
        while True:
            for armed in [armed for armed in struck if (armed.fault.rows or 0) <= taken]:
                struck.remove(armed)
                self._strike_within(armed)
            batch = next(batches, None)
            if batch is None:
                return
            taken += len(batch)
            yield batch

    def _afterwards(self, struck: list[Armed], outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
        if not struck:
            yield from outcomes
            return
        done = [_whole(outcome) for outcome in outcomes]
        for armed in struck:
            yield from self._strike(armed)
            if isinstance(armed.fault, Fail):
                return
        yield from done

    def begin(self, isolation: Isolation, name: str = "") -> None:
        """BEGIN TRANSACTION by the protocol."""
        self._around(f"BEGIN TRANSACTION {name}", lambda: self._interpreter.begin(isolation, name))

    def commit(self) -> None:
        """COMMIT TRANSACTION by the protocol."""
        self._around("COMMIT TRANSACTION", self._interpreter.commit)

    def rollback(self, name: str = "") -> None:
        """ROLLBACK TRANSACTION by the protocol."""
        self._around(f"ROLLBACK TRANSACTION {name}", lambda: self._interpreter.rollback(name))

    def save(self, name: str) -> None:
        """SAVE TRANSACTION by the protocol."""
        self._around(f"SAVE TRANSACTION {name}", lambda: self._interpreter.save(name))

    def fail(self, error: SqlServerError) -> Iterator[Outcome]:
        """See `outcomes.Interpreter`."""
        return self._interpreter.fail(error)

    def reset(self) -> None:
        """RESETCONNECTION."""
        self._interpreter.reset()

    def cancel(self) -> None:
        """Called from another thread: a stall ends, as a statement would."""
        self._wake.set()
        self._interpreter.cancel()

    def close(self) -> None:
        """End the session."""
        self._interpreter.close()

    def _around(self, text: str, work: Callable[[], None]) -> None:
        struck = self._faults.at(text)
        self._strike_all(struck, Moment.BEFORE)
        work()
        self._strike_all(struck, Moment.AFTER)

    def _strike_all(self, struck: list[Armed], moment: Moment) -> None:
        for armed in _of(struck, moment):
            for _ in self._strike(armed):
                pass
            if isinstance(armed.fault, Fail):
                raise armed.fault.error()

    def _strike(self, armed: Armed) -> Iterator[Outcome]:
        fault = armed.fault
        if isinstance(fault, Fail):
            armed.struck()
            yield from self._interpreter.fail(fault.error())
        elif isinstance(fault, Stall):
            self._stall(armed, fault)
        else:
            _strike_outside(armed, self._transport)

    def _strike_within(self, armed: Armed) -> None:
        """In the middle of a statement, which takes its error as one of its own."""
        if isinstance(armed.fault, Stall):
            self._stall(armed, armed.fault)
        else:
            _strike_outside(armed, self._transport)

    def _stall(self, armed: Armed, stall: Stall) -> None:
        self._wake.clear()
        _hold_up(armed, stall, self._wake.is_set)
        if self._wake.is_set():
            raise SqlServerError(0, "Query cancelled by the client.", severity=11, ends_batch=True)


def _of(struck: list[Armed], moment: Moment) -> list[Armed]:
    return [armed for armed in struck if armed.fault.moment is moment]


def _whole(outcome: Outcome) -> Outcome:
    """An outcome whose work is done wholly, so that it can be told later."""
    if isinstance(outcome, ResultSet):
        outcome.batches = iter(list(outcome.batches))
    return outcome


def _strike_all(struck: list[Armed], moment: Moment, transport: FaultyTransport) -> None:
    for armed in _of(struck, moment):
        _strike_outside(armed, transport)


def _strike_outside(armed: Armed, transport: FaultyTransport) -> None:
    """A fault where no session is."""
    fault = armed.fault
    if isinstance(fault, Cut):
        transport.limit(armed, fault)
        return
    if isinstance(fault, Stall):
        _hold_up(armed, fault, lambda: transport.readable(0))
        return
    armed.struck()
    if isinstance(fault, Disconnect):
        transport.abort()
        raise ClientGoneError("disconnected on purpose")
    if isinstance(fault, Fail):
        raise fault.error()


def _hold_up(armed: Armed, stall: Stall, given_up: Callable[[], bool]) -> None:
    deadline = math.inf if stall.seconds is None else time.monotonic() + stall.seconds
    armed.struck()
    while not given_up() and (left := deadline - time.monotonic()) > 0:
        if armed.await_release(min(_WATCHED_SEC, left)):
            return
