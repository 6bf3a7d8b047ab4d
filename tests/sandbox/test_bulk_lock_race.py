"""The first loads of a table under TABLOCK come at once, while somebody writes to it: all get the lock, in turn or together."""

from __future__ import annotations

import threading

import pyarrow as pa

from etl.bulk import copy
from etl.connect import Endpoint
from etl.statements import TableName
from etl.types import Column
from tests.databases import Database

COLUMNS = [Column("k", "int")]
LOADERS = 4
SLOWER_THAN_THE_SIDE_LOCK_SEC = 0.6


def test_loads_that_are_the_first_ones_at_once(server_database: Database) -> None:
    server_database.query("CREATE TABLE dbo.t (k int)")
    endpoint = Endpoint.of(server_database.url, "writer")
    errors: list[BaseException] = []

    def load(number: int) -> None:
        try:
            with endpoint.connect() as connection, connection.begin():
                rows = pa.table({"k": pa.array([number], pa.int32())})
                copy.copy_rows(
                    connection, TableName("t", "dbo"), rows, COLUMNS, [1], table_columns=1, hints=["TABLOCK"]
                )
        except BaseException as error:  # noqa: BLE001 - the test asserts that there is none
            errors.append(error)

    with endpoint.connect() as writer:
        writer.exec_driver_sql("INSERT INTO dbo.t VALUES (0)")
        loaders = [threading.Thread(target=load, args=(number,)) for number in range(1, LOADERS + 1)]
        for loader in loaders:
            loader.start()
        # All of them are refused by the side connection, and wait for this transaction's end.
        loaders[0].join(SLOWER_THAN_THE_SIDE_LOCK_SEC)
        writer.commit()
    for loader in loaders:
        loader.join()
    assert errors == []
    assert sorted(k for (k,) in server_database.query("SELECT k FROM dbo.t")) == list(range(LOADERS + 1))
