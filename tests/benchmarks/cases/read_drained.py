"""A client that does nothing with the bytes: how fast the server alone is."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.case import Case, Place
from tests.benchmarks.raw_client import RawClient
from tests.sandbox.tds_bytes import batch


def prepare(place: Place) -> Callable[[], int]:
    client = RawClient(place)

    def read() -> int:
        client.send(1, batch(f"SELECT * FROM {place.full_table}"))
        return client.row_count()

    return read


CASE = Case("read", "bytes thrown away", prepare)
