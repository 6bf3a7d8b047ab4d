"""`python -m tests.faults.heap URL`: what could harm the driver's memory in one process, which then ends as any other.

Run under glibc's malloc checks it ends at the first byte that is written beyond a buffer, and at the first one that is freed
twice, where an ordinary heap may bear it. A bulk load is left open at the end.
"""

from __future__ import annotations

import sys

from etl.bulk import freetds
from tests.faults.hazards_writing import EDGE_TYPES, an_insert_over_a_lost_link, values_at_the_edge
from tests.faults.survivors import Ground

STATEMENTS = [(size, size // row_bytes) for size in (4_096, 8_000) for row_bytes in (110, 80, 65, 45)]
"""Packet size and rows of inserts whose text takes one packet to three: a row of two columns has 80 bytes of it, about."""
DONE = "the interpreter ends"


def main(url: str) -> None:
    ground = Ground(url)
    for sql_type in EDGE_TYPES:
        print(sql_type, flush=True)
        values_at_the_edge(ground, sql_type)
    for packet_bytes, rows in STATEMENTS:
        print(f"{rows} rows, packets of {packet_bytes} bytes", flush=True)
        an_insert_over_a_lost_link(ground, packet_bytes, rows)
    connection = ground.engine.connect()
    freetds.BulkCopy(connection.connection.dbapi_connection, "[dbo].[t]").__enter__()
    print(DONE, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
