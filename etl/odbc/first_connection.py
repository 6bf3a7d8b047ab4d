"""What pyodbc believes of a server: right, or asked for anew.

On a process's first connection by a connection string, pyodbc asks the server how long its text and binary values may be and
how exact its datetimes are, and keeps that for the life of the process (`src/cnxninfo.cpp`). Where the answer does not come,
since the link breaks or the server is busy, it keeps a guess instead: from then on text of more than 4,000 characters, binary
of more than 8,000 bytes and fractions of a second are cut off parameters, over new connections too, without a word.

So the first connection of an engine sends such values and looks at what arrives; and until that was right, each connection is
made by another string, which is the key under which the belief is kept.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from etl import statements
from etl.errors import ConnectError

TEXT, BINARY = "x" * 4_001, b"x" * 8_001
MOMENT = dt.datetime(2024, 2, 29, 23, 59, 59, 123_456)
EXPECTED = (len(TEXT), len(BINARY), "2024-02-29 23:59:59.123456")


def watch(engine: Engine, where: str) -> None:
    """Have this engine's connections send whole parameters. One that would not is a ConnectError; `where` names its server."""
    beliefs = _Beliefs()

    @event.listens_for(engine, "do_connect")
    def connecting(_dialect: object, record: Any, arguments: list[Any], _options: object) -> None:
        record.info[_Beliefs] = beliefs.next()
        # To ODBC an empty attribute is none.
        arguments[0] += ";" * record.info[_Beliefs]

    @event.listens_for(engine, "connect")
    def connected(connection: Any, record: Any) -> None:
        if beliefs.proven is not None:
            return
        with connection.cursor() as cursor:
            found = cursor.execute(statements.load("first_connection"), TEXT, BINARY, MOMENT).fetchone()
        connection.commit()
        if tuple(found) != EXPECTED:
            raise ConnectError(
                f"cannot connect to {where}: the driver was not told what the server's types hold, and would cut values off",
                advice="Start again: it asks anew.",
            )
        beliefs.proven = record.info[_Beliefs]


class _Beliefs:
    """The strings of an engine by their number, each with a belief of its own."""

    def __init__(self) -> None:
        self.proven: int | None = None
        """The first one whose belief was seen to be right."""
        self._tried = 0

    def next(self) -> int:
        """Which string to connect by."""
        if self.proven is not None:
            return self.proven
        self._tried += 1
        return self._tried - 1
