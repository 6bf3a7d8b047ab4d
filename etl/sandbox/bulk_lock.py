"""TABLOCK of a bulk load: SQL Server's BU lock on a bare heap, an exclusive lock on every other table.

A BU lock goes with other BU locks and keeps plain writers out. PostgreSQL has no such mode on one table, because a load's own
COPY takes the lock that plain writers take. So the lock is on a view beside the table: loads take SHARE on it, and a
statement-level trigger of the table takes ROW EXCLUSIVE for everybody else. Waits end as all others do, by deadlock detection,
lock timeout or ATTENTION. The view and the trigger come with the first such load, so a table that never sees one pays nothing.
https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide#bulk-update-locks
"""

from __future__ import annotations

from contextlib import closing

import psycopg

from etl.sandbox.catalog import Table
from etl.sandbox.link import Link

_SIDE_LOCK_TIMEOUT_MS = 200
"""How long the view may wait for running writers on a connection of its own, which deadlock detection does not link to ours."""

_BEING_MADE = 2714
"""The class of the advisory locks under which views are made, by the table's id."""


def lock_for_bulk_load(link: Link, table: Table) -> bool:
    """Take TABLOCK's lock until the transaction's end, and say whether it is one that loads share."""
    if table.name.startswith("#"):
        return False
    if _has_index(link, table):
        link.script(f"LOCK TABLE {table.qualified} IN EXCLUSIVE MODE")
        return False
    if not _has_view(link, table):
        _make_view(link, table)
    link.script(f"LOCK TABLE {_view(table)} IN SHARE MODE")
    return True


def drop_bulk_lock(link: Link, table: Table) -> None:
    """The table goes away."""
    if _has_view(link, table):
        link.script(f"DROP VIEW {_view(table)}")


def _view(table: Table) -> str:
    return f"sandbox_locks.t{table.object_id}"


def _has_index(link: Link, table: Table) -> bool:
    found = link.run("SELECT FROM sandbox.indexes WHERE object_id = $1::int LIMIT 1", (str(table.object_id),))
    return found.row_count > 0


def _has_view(link: Link, table: Table) -> bool:
    # Not to_regclass, which inside a transaction may not have heard yet of what another session has made.
    schema, _, name = _view(table).partition(".")
    found = link.run(
        "SELECT FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace WHERE c.relname = $1::name AND"
        " s.nspname = $2::name",
        (name, schema),
    )
    return found.row_count > 0


def _make_view(link: Link, table: Table) -> None:
    """Made at once for everybody where that is possible.

    It is not where this transaction has made or changed the table, or others write to it for longer: then it is made in this
    transaction, and other loads wait for its end this one time.
    """
    script = (
        f"CREATE VIEW {_view(table)} AS SELECT; CREATE TRIGGER bulk_lock BEFORE INSERT OR UPDATE OR DELETE ON"
        f" {table.qualified} FOR EACH STATEMENT EXECUTE FUNCTION sandbox.keep_out_of_bulk_load('{_view(table)}');"
        f" ALTER TABLE {table.qualified} ENABLE ALWAYS TRIGGER bulk_lock"
    )
    # Of loads that are the first ones together one makes it: else the catalog's unique keys would refuse the others (2714).
    alone = f"SELECT pg_advisory_xact_lock({_BEING_MADE}, {table.object_id})"
    if _made_aside(link, f"{alone}; {script}"):
        return
    link.script(alone)
    if not _has_view(link, table):
        link.script(script)


def _made_aside(link: Link, script: str) -> bool:
    info = link.connection.info
    with closing(psycopg.connect(info.dsn)) as side:
        try:
            side.execute(f"SET lock_timeout = {_SIDE_LOCK_TIMEOUT_MS}")
            side.execute(script.encode())
            side.commit()
        except psycopg.Error as error:
            if error.sqlstate is None:
                raise
            return False
    return True
