"""The server's process: a sandbox with the full and the empty table.

It says on a line of JSON how to reach it, and ends when its input does.
"""

from __future__ import annotations

import json
import sys

import pyodbc

from etl.sandbox import serve
from tests.benchmarks import data
from tests.benchmarks.case import Place


def main(rows: int) -> None:
    with serve() as server:
        place = Place(server.host, server.port, server.user, server.password, server.database, rows)
        connection = pyodbc.connect(place.odbc(), autocommit=True)
        for table in (data.FULL_TABLE, data.EMPTY_TABLE):
            connection.execute(data.create_table(table))
        connection.close()
        server.load(server.database, "dbo", data.FULL_TABLE, data.rows(rows))
        print(json.dumps({name: getattr(place, name) for name in Place.__slots__}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(int(sys.argv[1]))
