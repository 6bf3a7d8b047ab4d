"""What is known while one statement is compiled: names in scope, variables, and the parameters it will be run with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from etl.sandbox.catalog import Catalog, Column, Table
from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.names import fold
from etl.sandbox.principals.rights import Need, same_owner
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation.expression import Deduction, Expression, quote
from etl.sandbox.translation.locks import RowLock, TableLocks
from etl.sandbox.translation.types import INT, storage


@dataclass(frozen=True, slots=True)
class Bind:
    """A value that the statement gets when it runs: a variable's (`@x`), or the session's (`@@ROWCOUNT`, `DB_NAME`)."""

    name: str
    type: SqlType


@dataclass(slots=True)
class Source:
    """Something in FROM: its names in T-SQL and its columns as PostgreSQL sees them."""

    alias: str
    columns: list[tuple[str, Expression]]
    table: Table | None = None
    explicit_alias: bool = True
    physical: str = ""
    """The PostgreSQL alias, quoted."""

    def find(self, name: str) -> Expression | None:
        """The column of that name, in any case."""
        folded = fold(name)
        for column, expression in self.columns:
            if fold(column) == folded:
                return expression
        return None


@dataclass(slots=True)
class Scope:
    """The sources of one query, and the query around it."""

    sources: list[Source] = field(default_factory=list)
    outer: Scope | None = None
    tables: dict[str, Source] = field(default_factory=dict)
    """Common table expressions by lower-case name."""
    grouped: bool = False
    tells_rows: bool = True
    """Whether the query's rows can be told from one another where they come out; not so on a side of a set operation."""
    row_locks: list[RowLock] = field(default_factory=list)
    """What hints want locked row by row."""
    passing: set[str] = field(default_factory=set)
    """PostgreSQL aliases of tables whose locked rows are passed by (READPAST); an empty one for the target of a change."""


class Context:
    """The compilation of one statement."""

    rows_come_back = True
    """Whether the statement's rows reach the session; not so inside a trigger."""

    def __init__(self, catalog: Catalog, database: str, variables: Mapping[str, SqlType]) -> None:
        self.catalog = catalog
        self.database = database
        self.variables = variables
        self._places: dict[Bind, int] = {}
        self.tables: set[int] = set()
        self.locks = TableLocks()
        """Tables that hints want locked before the statement runs."""
        self.held = TableLocks()
        """Tables that REPEATABLE READ and SERIALIZABLE want locked."""
        self.undeclared: Deduction | None = None
        self.scope = Scope()
        self.view: Table | None = None
        """The view whose query is being compiled."""
        self._needs: dict[tuple[str, int, str], Need] = {}
        self._aliases = 0

    def alias(self) -> str:
        """A PostgreSQL alias that nothing else in the statement has."""
        self._aliases += 1
        return f"t{self._aliases}"

    @contextmanager
    def nested(self) -> Iterator[Scope]:
        """A scope inside the current one, for a subquery."""
        outer = self.scope
        self.scope = Scope(outer=outer)
        try:
            yield self.scope
        finally:
            self.scope = outer

    def bind(self, name: str, kind: SqlType) -> str:
        """`$n` for a value; the same value keeps its number, so that equal expressions stay equal in GROUP BY."""
        return self.bind_as(Bind(name, kind))

    def bind_as(self, wanted: Bind) -> str:
        """`$n` for a value of any kind of bind."""
        place = self._places.setdefault(wanted, len(self._places) + 1)
        return f"${place}::{storage(wanted.type)}"

    @property
    def binds(self) -> list[Bind]:
        """The values that the statement binds, in the order of their numbers."""
        return list(self._places)

    @property
    def needs(self) -> tuple[Need, ...]:
        """The permissions that whoever runs the statement must have."""
        return tuple(self._needs.values())

    def need(self, permission: str, table: Table) -> None:
        """The statement needs a permission on a table; a view's query needs none for what its owner owns."""
        if self.view is None or not same_owner(self.view, table):
            self._needs.setdefault((permission, table.object_id, table.database), Need(permission, table))

    def check(self) -> None:
        """Error 229 when the session's login lacks what the statement needs."""
        self.catalog.rights.check(self._needs.values())

    def variable(self, name: str) -> Expression:
        """A declared variable. Error 137 for one that is not."""
        if self.undeclared is not None and name.lower() in self.undeclared.names:
            return Expression("NULL", INT, is_null=True, variable=name.lower(), deduced=self.undeclared)
        lowered = self.declared(name)
        kind = self.variables[lowered]
        return Expression(self.bind(lowered, kind), kind, variable=lowered)

    def declared(self, name: str) -> str:
        """The variable's name in lower case. Error 137 for one that is not declared."""
        if name.lower() not in self.variables:
            raise SqlServerError(137, f'Must declare the scalar variable "{name}".', severity=15, ends_batch=True)
        return name.lower()

    def common_table(self, name: str) -> Source | None:
        """A WITH query that is visible here."""
        scope: Scope | None = self.scope
        while scope is not None:
            found = scope.tables.get(name.lower())
            if found is not None:
                return found
            scope = scope.outer
        return None

    def find_table(self, parts: Sequence[str]) -> Table:
        """A table by one to three names. Error 208 when there is none."""
        table = self.try_table(parts)
        if table is None:
            raise SqlServerError(208, f"Invalid object name '{'.'.join(parts)}'.", ends_batch=True)
        self.tables.add(table.object_id)
        return table

    def try_table(self, parts: Sequence[str]) -> Table | None:
        """A table by one to three names, or None."""
        if len(parts) > 3:
            raise not_supported(f"the four-part name {'.'.join(parts)}")
        name = parts[-1]
        if name.startswith("#"):
            if name.startswith("##"):
                raise not_supported(f"the global temporary table {name}")
            return self.catalog.table("tempdb", "dbo", name)
        database = parts[-3] if len(parts) == 3 and parts[-3] else self.database
        if self.catalog.database(database) is None:
            return None
        if database.lower() != self.database.lower():
            self.enter(self.catalog.database(database) or database)
        if len(parts) >= 2 and parts[-2]:
            return self.catalog.table(database, parts[-2], name)
        default = self.view.schema if self.view is not None else self.catalog.rights.default_schema(database)
        found = self.catalog.table(database, default, name)
        return found if found is not None or default.lower() == "dbo" else self.catalog.table(database, "dbo", name)

    def enter(self, database: str) -> None:
        """A name of three parts. Error 916 for a database that the login may not enter."""
        self.catalog.rights.open(database)

    def resolve(self, name: str, qualifier: Sequence[str] = ()) -> Expression:
        """A column by name. Errors 207, 209, 4104 as SQL Server words them."""
        scope: Scope | None = self.scope
        while scope is not None:
            found = self._resolve_in(scope, name, qualifier)
            if found is not None:
                return found
            scope = scope.outer
        if qualifier:
            full = ".".join([*qualifier, name])
            raise SqlServerError(4104, f'The multi-part identifier "{full}" could not be bound.', ends_batch=True)
        raise SqlServerError(207, f"Invalid column name '{name}'.", ends_batch=True)

    def _resolve_in(self, scope: Scope, name: str, qualifier: Sequence[str]) -> Expression | None:
        sources = [source for source in scope.sources if not qualifier or _matches(source, qualifier)]
        matches = [found for source in sources if (found := source.find(name)) is not None]
        if len(matches) > 1:
            raise SqlServerError(209, f"Ambiguous column name '{name}'.", ends_batch=True)
        if not matches and qualifier and sources:
            raise SqlServerError(207, f"Invalid column name '{name}'.", ends_batch=True)
        if not matches:
            return None
        read = next(source.table for source in sources if source.find(name) is not None)
        if read is not None:
            self.need("SELECT", read)
        return matches[0]


def _matches(source: Source, qualifier: Sequence[str]) -> bool:
    if fold(source.alias) == fold(qualifier[-1]) and len(qualifier) == 1:
        return True
    if source.table is None or source.explicit_alias:
        return False
    full = [source.table.database, source.table.schema, source.table.name]
    wanted = [fold(part) for part in qualifier]
    return [fold(part) for part in full[-len(wanted) :]] == wanted


def table_source(table: Table, alias: str | None, physical: str) -> Source:
    """A table as a source: each of its columns through the PostgreSQL alias `physical`."""
    columns = [(column.name, column_expression(column, physical)) for column in table.columns]
    return Source(alias or table.name, columns, table, explicit_alias=alias is not None, physical=physical)


def column_expression(column: Column, physical: str) -> Expression:
    """A reference to a column through a PostgreSQL alias; an empty alias for a bare column."""
    prefix = f"{physical}." if physical else ""
    return Expression(
        prefix + quote(column.physical),
        column.type,
        nullable=column.nullable,
        collation=column.collation,
        name=column.name,
        identity=column.identity,
        computed=column.computed,
    )
