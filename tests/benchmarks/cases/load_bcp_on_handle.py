"""FreeTDS's bulk copy on a pyodbc connection's own handle, from records that are ready: one memmove and one call a row."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from tests.benchmarks.case import Case, Place
from tests.benchmarks.frame import python_rows
from tests.benchmarks.records import RecordCopy
from tests.benchmarks.tables import emptied

_KINDS = ("text",) * 7 + ("moment",) * 2 + ("text",) * 3


def prepare(place: Place) -> Callable[[], int]:
    connection = emptied(place)
    copy = RecordCopy(connection, place.empty_table, _KINDS)
    records = [copy.record((*row[:-1], uuid.UUID(row[-1]))) for row in python_rows(place)]

    def load() -> int:
        copy.send_records(records)
        return copy.done()

    return load


CASE = Case("load", "BCP on pyodbc's handle", prepare, only="orders")
