"""Bulk loads on the interpreter, without bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from etl.sandbox.errors import SqlServerError
from etl.sandbox.outcomes import BulkRows, Column, Outcome
from etl.sandbox.sqltypes import Value
from etl.sandbox.translation.types import parse_type
from tests.sandbox.tsql import Answer, Session


def bulk_load(
    session: Session, table: str, columns: str, rows: Iterable[Sequence[Value]], options: str = "", sent: str = ""
) -> Answer:
    """INSERT BULK and its rows, which come in the types declared by `columns` (`a int, b varchar(5)`) or by `sent`."""
    announced = session.batch(f"INSERT BULK {table} ({columns}) {f'WITH ({options})' if options else ''}")
    if announced.errors:
        return announced
    return send(session, sent or columns, rows)


def send(session: Session, columns: str, rows: Iterable[Sequence[Value]]) -> Answer:
    """The message that follows INSERT BULK."""
    answer = Answer()
    try:
        for outcome in session.interpreter.bulk_load(BulkRows(described(columns), batched(rows))):
            take(outcome, answer)
    except SqlServerError as error:
        answer.errors.append(error)
    return answer


def take(outcome: Outcome, answer: Answer) -> None:
    Session._take(outcome, answer)


def described(columns: str) -> tuple[Column, ...]:
    found = []
    for part in columns.replace(", ", "|").split("|"):
        name, _, kind = part.partition(" ")
        found.append(Column(name, parse_type(kind)))
    return tuple(found)


def batched(rows: Iterable[Sequence[Value]]) -> Iterator[list[tuple[Value, ...]]]:
    """Batches of one row each."""
    for row in rows:
        yield [tuple(row)]
