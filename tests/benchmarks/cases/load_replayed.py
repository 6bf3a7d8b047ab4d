"""A bulk load whose packets are ready: how fast the server alone is."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence

from etl.sandbox.outcomes import Column
from etl.sandbox.sqltypes import Value
from etl.sandbox.translation.types import parse_type
from etl.sandbox.wire.encode import row_encoder
from etl.sandbox.wire.tokens import col_metadata
from tests.benchmarks.case import Case, Place
from tests.benchmarks.frame import python_rows
from tests.benchmarks.raw_client import PACKET_BYTES, RawClient
from tests.benchmarks.tables import emptied
from tests.sandbox.tds_bytes import batch, packets

_BULK_LOAD = 7


def prepare(place: Place) -> Callable[[], int]:
    emptied(place).close()
    columns = [(column.name, column.sql_type) for column in place.dataset.columns]
    client = RawClient(place)
    client.send(1, batch(f"INSERT BULK {place.empty_table} ({', '.join(f'{name} {kind}' for name, kind in columns)})"))
    client.answered()
    message = _message(columns, [(*row[:-1], uuid.UUID(row[-1])) for row in python_rows(place)])

    def load() -> int:
        client.send_packets(message)
        return client.row_count()

    return load


def _message(columns: Sequence[tuple[str, str]], sent: list[tuple[Value, ...]]) -> bytes:
    types = [parse_type(kind) for _, kind in columns]
    described = col_metadata([Column(name, kind) for (name, _), kind in zip(columns, types, strict=True)])
    return packets(_BULK_LOAD, described + row_encoder(types)(sent), PACKET_BYTES - 8)


CASE = Case("load", "packets sent again", prepare, only="orders")
