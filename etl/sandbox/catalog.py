"""What the translation knows of databases, schemas, tables and columns: a cache over the catalog tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from etl.sandbox.link import Link
from etl.sandbox.names import ByName, fold
from etl.sandbox.principals.rights import Rights
from etl.sandbox.sqltypes import SIZED, SqlType
from etl.sandbox.translation.expression import quote, text_literal

SYSTEM_SCHEMA = "sandbox_sys"
"""Where the sys views are, named `schema.view`; each has the hidden column `$database`."""
GUARDED_SCHEMA = "sandbox_seen"
"""The same views for logins that do not see everything."""

_DOMAIN_TYPES = {
    "sysname": SqlType("nvarchar", length=128),
    "nvarchar60": SqlType("nvarchar", length=60),
    "nvarchar_max": SqlType("nvarchar"),
    "citext": SqlType("nvarchar", length=4000),
    "char1": SqlType("char", length=1),
    "char2": SqlType("char", length=2),
    "char4": SqlType("char", length=4),
    "varchar10": SqlType("varchar", length=10),
    "varchar48": SqlType("varchar", length=48),
    "tinyint": SqlType("tinyint"),
    "datetime": SqlType("datetime"),
    "varbinary85": SqlType("varbinary", length=85),
    "bool": SqlType("bit"),
    "int2": SqlType("smallint"),
    "int4": SqlType("int"),
    "int8": SqlType("bigint"),
    "numeric": SqlType("decimal", precision=38, scale=0),
    "uuid": SqlType("uniqueidentifier"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table or view. `physical` is its PostgreSQL name."""

    id: int
    name: str
    physical: str
    type: SqlType
    nullable: bool
    collation: str | None = None
    identity: bool = False
    sequence: str | None = None
    computed: bool = False
    has_default: bool = False


@dataclass(frozen=True)
class Table:
    """A table (`U`), a view (`V`) or a system view (`S`)."""

    object_id: int
    database: str
    schema: str
    name: str
    kind: str
    physical_schema: str
    physical: str
    columns: tuple[Column, ...]
    definition: str = ""
    """A view's text."""
    by_name: Mapping[str, Column] = field(repr=False, compare=False, default_factory=dict)
    triggers: frozenset[str] = frozenset()
    """The events (INSERT, UPDATE, DELETE) that fire an enabled trigger."""
    owner: int = 1
    """The principal that owns it: its schema's. 1 is dbo."""

    @cached_property
    def source(self) -> str:
        """What stands in PostgreSQL's FROM."""
        qualified = f"{quote(self.physical_schema)}.{quote(self.physical)}"
        if self.kind != "S":
            return qualified
        columns = ", ".join(quote(column.physical) for column in self.columns)
        return f'(SELECT {columns} FROM {qualified} WHERE "$database" = {text_literal(self.database)})'

    @property
    def qualified(self) -> str:
        """The PostgreSQL name of a table or view."""
        return f"{quote(self.physical_schema)}.{quote(self.physical)}"

    @cached_property
    def identity(self) -> Column | None:
        """The IDENTITY column."""
        return next((column for column in self.columns if column.identity), None)

    @property
    def full_name(self) -> str:
        """`database.schema.name`, as error messages name a table."""
        return f"{self.database}.{self.schema}.{self.name}"


class CatalogVersion:
    """Counts the committed changes of the catalog; shared by all sessions of an engine."""

    def __init__(self) -> None:
        self.value = 0

    def bump(self) -> None:
        """A committed transaction has changed the catalog."""
        self.value += 1


_TABLE = """
SELECT o.object_id, d.name::text, s.name::text, o.name::text, o.type::text, s.physical, o.physical, o.session,
  o.definition::text,
  (SELECT string_agg(g.events, ',') FROM sandbox.triggers g JOIN sandbox.objects x USING (object_id)
    WHERE x.parent_object_id = o.object_id AND NOT g.is_disabled),
  s.owner_id
FROM sandbox.objects o JOIN sandbox.schemas s USING (schema_id) JOIN sandbox.databases d USING (database_id)
WHERE d.name = $1::citext AND rtrim(s.name::text)::citext = rtrim($2::text)::citext
  AND rtrim(o.name::text)::citext = rtrim($3::text)::citext AND o.session IN (0, $4::int) AND o.type IN ('U', 'V')
"""
_COLUMNS = """
SELECT c.column_id, c.name::text, c.physical, c.type_name, c.length, c.precision, c.scale, c.nullable, c.collation_name,
  c.is_identity, c.sequence, c.computed IS NOT NULL,
  EXISTS (
    SELECT FROM sandbox.objects d
    WHERE d.parent_object_id = c.object_id AND d.parent_column_id = c.column_id AND d.type = 'D')
FROM sandbox.columns c WHERE c.object_id = $1::int ORDER BY c.column_id
"""
_SYSTEM_VIEW = """
SELECT c.oid::int, c.relname::text, a.attnum::int, a.attname::text, t.typname::text
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
JOIN pg_type t ON t.oid = a.atttypid
WHERE n.nspname = 'sandbox_sys' AND lower(c.relname) = lower($1::text) AND a.attnum > 0 AND a.attname <> '$database'
ORDER BY a.attnum
"""


class Catalog:
    """One session's view of the catalog: what is committed, and its own open transaction's changes.

    `login` is the session's login, None for connections of the sandbox's own.
    """

    def __init__(self, link: Link, shared: CatalogVersion, session: int, login: int | None = None) -> None:
        self._link = link
        self._shared = shared
        self._session = session
        self._own = 0
        self._seen: tuple[int, int] | None = None
        self._tables: dict[tuple[str, str, str], Table | None] = {}
        self._databases: dict[str, str] = {}
        self.rights = Rights(link, login, lambda: self.version)

    def trusted(self) -> Catalog:
        """The same catalog without a login's limits, for what the sandbox compiles again on nobody's behalf."""
        return Catalog(self._link, self._shared, self._session)

    @property
    def session(self) -> int:
        """The number that marks this session's #tables."""
        return self._session

    @property
    def version(self) -> tuple[int, int]:
        """Changes whenever something that was looked up may have changed."""
        return self._shared.value, self._own

    def changed(self) -> None:
        """This session has changed the catalog, or taken a change back, in its own transaction."""
        self._own += 1

    def committed(self) -> None:
        """This session's changes are visible to all."""
        self._own += 1
        self._shared.bump()

    def database(self, name: str) -> str | None:
        """The name of a database as it was created, or None."""
        self._refresh()
        if name.lower() not in self._databases:
            rows = self._link.run("SELECT name::text FROM sandbox.databases").rows
            self._databases = {row[0].lower(): row[0] for row in rows}
        return self._databases.get(name.lower())

    def table(self, database: str, schema: str, name: str) -> Table | None:
        """A table, view or system view by its names in any case; #tables by their bare name."""
        self._refresh()
        key = (fold(database), fold(schema), fold(name))
        if key not in self._tables:
            # The names as they are given: Python's lower case is not PostgreSQL's for İ, nor for Σ at the end of a word.
            self._tables[key] = self._load(database, schema, name)
        return self._tables[key]

    def schema(self, database: str, name: str) -> tuple[int, str, str] | None:
        """(id, name, physical name) of a schema, or None."""
        rows = self._link.run(
            "SELECT s.schema_id, s.name::text, s.physical FROM sandbox.schemas s JOIN sandbox.databases d USING"
            " (database_id) WHERE d.name = $1::citext AND rtrim(s.name::text)::citext = rtrim($2::text)::citext",
            (database, name),
        ).rows
        return rows[0] if rows else None

    def _refresh(self) -> None:
        version = self.version
        if self._seen != version:
            self._tables.clear()
            self._databases.clear()
            self._seen = version

    def _load(self, database: str, schema: str, name: str) -> Table | None:
        if schema.lower() in {"sys", "information_schema"}:
            return self._load_system_view(database, schema, name)
        rows = self._link.run(_TABLE, (database, schema, name, str(self._session))).rows
        if not rows:
            return None
        object_id, real_database, real_schema, real_name, kind, physical_schema, physical, session = rows[0][:8]
        definition, events, owner = rows[0][8:]
        columns = tuple(_column(_ColumnRow(*row)) for row in self._link.run(_COLUMNS, (str(object_id),)).rows)
        by_name = ByName((column.name, column) for column in columns)
        place = "pg_temp" if session else physical_schema
        return Table(
            object_id,
            real_database,
            real_schema,
            real_name,
            kind.strip(),
            place,
            physical,
            columns,
            definition or "",
            by_name,
            frozenset((events or "").split(",")) - {""},
            owner,
        )

    def _load_system_view(self, database: str, schema: str, name: str) -> Table | None:
        rows = self._link.run(_SYSTEM_VIEW, (f"{schema}.{name}",)).rows
        if not rows:
            return None
        columns = tuple(Column(row[2], row[3], row[3], _DOMAIN_TYPES[row[4]], True) for row in rows)
        by_name = ByName((column.name, column) for column in columns)
        real_name = rows[0][1]
        view_schema, view = real_name.split(".", 1)
        real_database = self.database(database) or database
        place = SYSTEM_SCHEMA if self.rights.unrestricted else GUARDED_SCHEMA
        return Table(-rows[0][0], real_database, view_schema, view, "S", place, real_name, columns, "", by_name)


class _ColumnRow(NamedTuple):
    """A row of `_COLUMNS`."""

    id: int
    name: str
    physical: str
    type_name: str
    length: int | None
    precision: int | None
    scale: int | None
    nullable: bool
    collation: str | None
    identity: bool
    sequence: str | None
    computed: bool
    has_default: bool


def _column(row: _ColumnRow) -> Column:
    kind = row.type_name
    sql_type = SqlType(
        kind,
        length=row.length if kind in SIZED else None,
        precision=row.precision if kind == "decimal" else None,
        scale=row.scale,
        utf8=kind in {"char", "varchar", "text"} and (row.collation or "").lower().endswith("_utf8"),
    )
    return Column(
        row.id,
        row.name,
        row.physical,
        sql_type,
        row.nullable,
        row.collation,
        row.identity,
        row.sequence,
        row.computed,
        row.has_default,
    )
