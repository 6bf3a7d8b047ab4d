"""`python -m tests.faults.heap URL`: values at the edge of the driver's buffers in one process, which then ends as any other.

Run under glibc's malloc checks it ends at the first byte that is written beyond a buffer, where an ordinary heap may bear it.
A bulk load is left open at the end.
"""

from __future__ import annotations

import sys

from etl.bulk import freetds
from tests.faults.hazards_writing import EDGE_TYPES, values_at_the_edge
from tests.faults.survivors import Ground

DONE = "the interpreter ends"


def main(url: str) -> None:
    ground = Ground(url)
    for sql_type in EDGE_TYPES:
        print(sql_type, flush=True)
        values_at_the_edge(ground, sql_type)
    connection = ground.engine.connect()
    freetds.BulkCopy(connection.connection.dbapi_connection, "[dbo].[t]").__enter__()
    print(DONE, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
