"""One client's session over Python's DB-API, in a process of its own: pymssql holds the GIL while it waits for its server.

Usage: python -m tests.contract.dbapi_client DRIVER, the place as JSON on standard input; the findings as JSON on its output.
"""

from __future__ import annotations

import datetime as dt
import importlib
import json
import sys
from decimal import Decimal
from typing import Any

MOMENT = dt.datetime(2024, 2, 29, 23, 59, 58, 123_000)
ROW = (1, "日本 😀", None, Decimal("12345.6789"), MOMENT, b"\0\xff")


def main(driver: str) -> None:
    place = json.load(sys.stdin)
    connection = connect(driver, place)
    row = (*ROW[:-1], importlib.import_module(driver).Binary(ROW[-1]))
    mark = "?" if driver in {"pyodbc", "mssql_python"} else "%s"
    cursor = connection.cursor()
    cursor.execute(
        "CREATE TABLE dbo.clients (id int PRIMARY KEY, name nvarchar(20), nothing int, price decimal(12,4),"
        " made datetime2(3), raw varbinary(8))"
    )
    connection.commit()
    insert = f"INSERT INTO dbo.clients VALUES ({', '.join([mark] * 6)})"
    cursor.execute(insert, row)
    connection.rollback()
    cursor.execute("SELECT COUNT(*) FROM dbo.clients")
    after_rollback = cursor.fetchone()[0]
    cursor.execute(insert, row)
    connection.commit()
    cursor.execute(f"SELECT id, name, nothing, price, made, raw FROM dbo.clients WHERE name = {mark}", (ROW[1],))
    found = cursor.fetchall()
    error = ""
    try:
        cursor.execute(insert, row)
    except Exception as refused:  # noqa: BLE001 - each driver has a tree of its own
        error = str(refused)
    connection.rollback()
    connection.close()
    print(
        json.dumps(
            {
                "after_rollback": after_rollback,
                "found": [tuple(cells) == ROW for cells in found],
                "duplicate_told": "duplicate key" in error,
            }
        )
    )


def connect(driver: str, place: dict[str, Any]) -> Any:
    """A connection with autocommit off."""
    module = importlib.import_module(driver)
    if driver == "pymssql":
        return module.connect(
            server=place["host"],
            port=str(place["port"]),
            user=place["user"],
            password=place["password"],
            database=place["database"],
            tds_version="7.4",
        )
    if driver == "pytds":
        return module.connect(
            place["host"], place["database"], place["user"], place["password"], port=place["port"], autocommit=False
        )
    login = f"UID={place['user']};PWD={place['password']};DATABASE={place['database']}"
    if driver == "pyodbc":
        server = f"DRIVER=FreeTDS;SERVER={place['host']};PORT={place['port']};TDS_Version=7.4;ClientCharset=UTF-8"
        return module.connect(f"{server};{login}")
    return module.connect(f"SERVER={place['host']},{place['port']};{login};Encrypt=yes;TrustServerCertificate=yes")


if __name__ == "__main__":
    main(sys.argv[1])
