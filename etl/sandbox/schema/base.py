"""What all parts of the schema editor share: names, places, and the catalog's rows for objects."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from etl.sandbox.catalog import Catalog, Column, Table
from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.link import Link, Parameter
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation import definitions as d
from etl.sandbox.translation.context import Context

NAME_LIMIT = 60
"""PostgreSQL cuts names at 63 bytes; longer ones get a short name of ours."""

_SYSTEM_COLUMNS = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})
"""Columns that every table of PostgreSQL has."""


def physical_column(name: str, otherwise: str) -> str:
    """A column's PostgreSQL name: its own where that can be."""
    return otherwise if len(name.encode()) > NAME_LIMIT or name in _SYSTEM_COLUMNS else name


@dataclass(frozen=True, slots=True)
class Place:
    """Where a new object goes."""

    database: str
    schema: str
    schema_id: int
    physical_schema: str
    name: str
    session: int

    @property
    def physical(self) -> str:
        """The PostgreSQL name for a table of this name: PostgreSQL cuts names at 63 bytes."""
        if len(self.name.encode()) <= NAME_LIMIT:
            return self.name
        return "t_" + hashlib.md5(self.name.lower().encode(), usedforsecurity=False).hexdigest()


class SchemaBase:
    """Finds names and adds rows to the catalog, for one session."""

    def __init__(self, link: Link, catalog: Catalog, database: Callable[[], str]) -> None:
        self._link = link
        self._catalog = catalog
        self._database = database

    def place(self, name: Sequence[str]) -> Place:
        """Where a new object of this name goes. Errors 2760 (no such schema) and 2714 (name taken)."""
        if len(name) > 3:
            raise not_supported(f"the four-part name {'.'.join(name)}")
        temporary = name[-1].startswith("#")
        if name[-1].startswith("##"):
            raise not_supported(f"the global temporary table {name[-1]}")
        database = "tempdb" if temporary else name[-3] if len(name) == 3 and name[-3] else self._database()
        schema = name[-2] if len(name) > 1 and not temporary else ""
        schema = schema or ("dbo" if temporary else self._catalog.rights.default_schema(database))
        found = self._catalog.schema(database, schema)
        if found is None:
            raise SqlServerError(
                2760,
                f'The specified schema name "{schema}" either does not exist or you do not have permission to use it.',
                ends_batch=True,
            )
        session = self._catalog.session if temporary else 0
        place = Place(self._catalog.database(database) or database, found[1], found[0], found[2], name[-1], session)
        self._refuse_taken(place, place.name)
        return place

    def _refuse_taken(self, place: Place, name: str) -> None:
        taken = self._link.run(
            "SELECT FROM sandbox.objects WHERE schema_id = $1::int AND rtrim(name::text)::citext = rtrim($2::text)::citext"
            " AND session = $3::int",
            (str(place.schema_id), name, str(place.session)),
        )
        if taken.row_count:
            raise SqlServerError(2714, f"There is already an object named '{name}' in the database.", state=6)

    def _context(self) -> Context:
        return Context(self._catalog, self._database(), {})

    def _find(self, name: Sequence[str], number: int = 4902) -> Table:
        table = self._context().try_table(name)
        if table is None or table.kind == "S":
            if number == 4902:
                raise SqlServerError(
                    4902,
                    f'Cannot find the object "{".".join(name)}" because it does not exist or you do not have'
                    " permissions.",
                    ends_batch=True,
                )
            raise SqlServerError(
                number,
                f'Cannot find the object "{".".join(name)}" because it does not exist or you do not have permissions.',
                ends_batch=True,
            )
        return table

    def _add_object(  # noqa: PLR0913 - the columns of one row
        self,
        place: Place,
        name: str,
        physical: str,
        kind: str,
        *,
        parent: int = 0,
        column: int = 0,
        definition: str | None = None,
        system: bool = False,
    ) -> int:
        row = self._link.run(
            "INSERT INTO sandbox.objects (schema_id, name, physical, type, parent_object_id, parent_column_id,"
            " definition, system_named, session) VALUES ($1::int, $2::citext, $3::text, $4::citext, $5::int, $6::int,"
            " $7::citext, $8::bool, $9::int) RETURNING object_id",
            (
                str(place.schema_id),
                name,
                physical,
                kind,
                str(parent),
                str(column),
                definition,
                "t" if system else "f",
                str(place.session),
            ),
        ).rows[0]
        return int(row[0])

    def _place_of(self, table: Table) -> Place:
        found = self._catalog.schema(table.database, table.schema)
        assert found is not None
        session = self._catalog.session if table.name.startswith("#") else 0
        return Place(table.database, table.schema, found[0], found[2], table.name, session)

    def _trigger_functions(self, table: Table) -> list[str]:
        """The PostgreSQL functions of a table's triggers, as its statements name them."""
        rows = self._link.run(
            "SELECT p.oid::regprocedure::text FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid WHERE t.tgrelid ="
            " $1::regclass AND t.tgname = p.proname AND p.proname LIKE 'tr\\_%'",
            (table.qualified,),
        ).rows
        return [row[0] for row in rows]


def flag(value_: bool) -> str:
    """A bool as PostgreSQL's text."""
    return "t" if value_ else "f"


def number_or_null(value_: int | None) -> str | None:
    """A number as text, None as NULL."""
    return None if value_ is None else str(value_)


def column_row(
    object_id: int,
    number: int,
    column: d.ColumnDefinition,
    physical: str,
    kind: SqlType,
    nullable: bool,
    sequence: str | None,
) -> list[Parameter]:
    """The parameters of `INSERT_COLUMN`."""
    seed, step = column.identity or (None, None)
    return [
        *(
            str(object_id),
            str(number),
            column.name,
            physical,
            kind.name,
            number_or_null(kind.length),
            number_or_null(kind.precision),
            number_or_null(kind.scale),
        ),
        *(
            flag(nullable),
            column.collation,
            flag(column.identity is not None),
            None if seed is None else str(seed),
            None if step is None else str(step),
        ),
        *(sequence, column.computed_text or None),
    ]


def column_of(table: Table, name: str) -> Column:
    """A table\'s column by name. Error 1911."""
    column = table.by_name.get(name.lower())
    if column is None:
        raise SqlServerError(1911, f"Column name '{name}' does not exist in the target table or view.")
    return column


def key_column(table: Table, name: str, key: str, number: int) -> Column:
    """A column of a foreign key. Errors 1769 and 1770."""
    column = table.by_name.get(name.lower())
    if column is None:
        raise SqlServerError(
            number,
            f"Foreign key '{key}' references invalid column '{name}' in"
            f" {'referencing' if number == 1769 else 'referenced'} table '{table.name}'.",
        )
    return column
