"""FreeTDS's bulk copy on a pyodbc connection's own handle, from records that are ready: one memmove and one call a row."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.case import Case, Place
from tests.benchmarks.data import EMPTY_TABLE, rows
from tests.benchmarks.emptied import emptied
from tests.benchmarks.records import RecordCopy

_KINDS = ("text",) * 7 + ("moment",) * 2 + ("text",) * 3


def prepare(place: Place) -> Callable[[], int]:
    connection = emptied(place)
    copy = RecordCopy(connection, EMPTY_TABLE, _KINDS)
    records = [copy.record(row) for row in rows(place.count)]

    def load() -> int:
        copy.send_records(records)
        return copy.done()

    return load


CASE = Case("load", "BCP on pyodbc's handle", prepare)
