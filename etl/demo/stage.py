"""The demo's stage: a sandbox with the flights in it, the job to run on it, and what its server says afterwards."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from etl import catalog, connect, load
from etl.connect import Endpoint
from etl.demo import data
from etl.demo.clean import CLEAN_COLUMN_TYPES
from etl.errors import CheckFailed
from etl.job import Job
from etl.sandbox import Server, serve
from etl.sandbox.cluster import OtherVersionError
from etl.statements import TableName
from etl.statements import load as load_statement

DATA_FOLDER = Path(".cache/demo")
"""Kept between runs, so that the second one shows that rows are replaced and not doubled."""
TOTALS = ("flights", "cancelled", "dep_delay_min", "arr_delay_min", "distance_miles")


@contextmanager
def sandbox_with_flights(folder: Path = DATA_FOLDER) -> Iterator[Server]:
    """A running sandbox whose database holds the five tables of the demo."""
    kept = folder / "sandbox" if _others_reach(folder) else None
    with ExitStack() as opened:
        try:
            server = opened.enter_context(serve(kept))
        except OtherVersionError:
            assert kept is not None
            shutil.rmtree(kept)  # nothing but the demo's own tables, which are filled again
            server = opened.enter_context(serve(kept))
        _fill(server)
        yield server


def _others_reach(folder: Path) -> bool:
    """False for root in a folder like /root: PostgreSQL refuses to run as root, and its own user cannot come here."""
    return os.geteuid() != 0 or all(
        parent.stat().st_mode & stat.S_IXOTH for parent in Path.cwd().joinpath(folder).parents if parent.exists()
    )


def flights_job(server: Server) -> Job:
    """dbo.flights → clean_flights → dbo.flights_clean, replaced at every run."""
    return Job(
        source=server.url(),
        target=server.url(),
        source_table="dbo.flights",
        target_table="dbo.flights_clean",
        transform="etl.demo.clean:clean_flights",
        output_schema="etl.demo.clean:CLEAN_SCHEMA",
        column_types=CLEAN_COLUMN_TYPES,
        mode="replace",
    )


def print_summary(server: Server) -> None:
    """Print what the server says of both tables. Raises CheckFailed when their totals differ."""
    with Endpoint.of(server.url(), "reader").connect() as connection, connect.statement("summing up the flights"):
        source, target = connection.exec_driver_sql(load_statement("demo_totals")).mappings().all()
        carriers = connection.exec_driver_sql(load_statement("demo_carriers")).mappings().all()
    print("\nWhat the server says:")
    for name in TOTALS:
        print(f"  {name:<15} dbo.flights {source[name]:>12,}   dbo.flights_clean {target[name]:>12,}")
    table = Table(box=None, header_style="bold")
    for heading in ("carrier", "flights", "cancelled", "mean delay (min)", "mean speed (mph)"):
        table.add_column(heading, justify="left" if heading == "carrier" else "right")
    for row in carriers:
        means = (f"{row['mean_dep_delay_min']:.1f}", f"{row['mean_speed_mph']:.0f}")
        table.add_row(row["carrier_name"], f"{row['flights']:,}", f"{row['cancelled']:,}", *means)
    Console(width=100).print(table)
    if dict(source) != dict(target):
        raise CheckFailed("dbo.flights and dbo.flights_clean do not agree", state="The totals are above.")


def _fill(server: Server) -> None:
    """Make and fill the tables. Each is filled in one transaction, in order: the last one tells whether all are."""
    last = TableName(list(data.SCHEMAS)[-1], "dbo")
    with Endpoint.of(server.url(), "writer").connect() as connection:
        if catalog.table_exists(connection, last) and load.count(connection, last):
            return
        for name in reversed(data.SCHEMAS):
            load.drop_if_exists(connection, TableName(name, "dbo"))
        with connect.statement("making the demo's tables"):
            for statement in data.create_statements():
                connection.exec_driver_sql(statement)
            connection.commit()
    for name in data.SCHEMAS:
        count = server.load(server.database, "dbo", name, data.rows(name))
        print(f"dbo.{name}: {count:,} rows")
