"""Indexes. Keys are unique indexes too."""

from __future__ import annotations

from etl.sandbox.catalog import Column, Table
from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.schema.base import (
    SchemaBase,
    column_of,
    flag,
)
from etl.sandbox.schema.violations import new_index
from etl.sandbox.translation import definitions as d
from etl.sandbox.translation.context import table_source
from etl.sandbox.translation.expression import quote
from etl.sandbox.translation.nodes import predicate
from etl.sandbox.translation.parser import parse_expression


class IndexEditor(SchemaBase):
    """CREATE and DROP INDEX."""

    def _has_clustered(self, table: Table) -> bool:
        return (
            self._link.run(
                "SELECT FROM sandbox.indexes WHERE object_id = $1::int AND index_id = 1", (str(table.object_id),)
            ).row_count
            > 0
        )

    def _create_index_statement(self, definition: d.IndexDefinition) -> None:
        table = self._find(definition.table, 1088)
        if table.kind == "V":
            raise not_supported("an index on a view")
        self._create_index(table, definition)

    def _create_index(
        self, table: Table, index: d.IndexDefinition, *, constraint_id: int | None = None, primary: bool = False
    ) -> None:
        if self._link.run(
            "SELECT FROM sandbox.indexes WHERE object_id = $1::int AND name = $2::citext",
            (str(table.object_id), index.name),
        ).row_count:
            raise SqlServerError(
                1913,
                f"The operation failed because an index or statistics with name '{index.name}' already exists on table"
                f" '{table.schema}.{table.name}'.",
            )
        if index.clustered and self._has_clustered(table):
            raise SqlServerError(
                1902,
                f"Cannot create more than one clustered index on table '{table.name}'. Drop the existing clustered"
                " index before creating another.",
                state=3,
            )
        number = (
            1
            if index.clustered
            else self._link.run(
                "SELECT greatest(coalesce(max(index_id), 1), 1) + 1 FROM sandbox.indexes WHERE object_id = $1::int",
                (str(table.object_id),),
            ).rows[0][0]
        )
        physical = f"ix_{table.object_id}_{number}"
        filter_sql = self._index_filter(table, index)
        self._link.run(
            "INSERT INTO sandbox.indexes (object_id, index_id, name, physical, is_unique, is_primary_key,"
            " is_unique_constraint, filter, constraint_object_id) VALUES ($1::int, $2::int, $3::citext, $4::text,"
            " $5::bool, $6::bool, $7::bool, $8::citext, $9::int)",
            (
                str(table.object_id),
                str(number),
                index.name,
                physical,
                flag(index.unique),
                flag(primary),
                flag(constraint_id is not None and not primary),
                f"({index.filter_text})" if index.filter else None,
                None if constraint_id is None else str(constraint_id),
            ),
        )
        parts = []
        for ordinal, item in enumerate(index.columns, 1):
            column = column_of(table, item.name)
            self._checkkey_column(table, column)
            nulls = "" if not column.nullable else " NULLS LAST" if item.descending else " NULLS FIRST"
            parts.append(f"{quote(column.physical)}{' DESC' if item.descending else ''}{nulls}")
            self._add_index_column(table, number, ordinal, column, ordinal, item.descending, included=False)
        for ordinal, name in enumerate(index.included, len(index.columns) + 1):
            self._add_index_column(table, number, ordinal, column_of(table, name), 0, False, included=True)
        unique = "UNIQUE " if index.unique else ""
        nulls = " NULLS NOT DISTINCT" if index.unique else ""
        where = f" WHERE {filter_sql}" if filter_sql else ""
        with new_index(table, index.name):
            self._link.script(
                f"CREATE {unique}INDEX {quote(physical)} ON {table.qualified} ({', '.join(parts)}){nulls}{where}"
            )
        self._catalog.changed()

    @staticmethod
    def _checkkey_column(table: Table, column: Column) -> None:
        kind = column.type
        unbounded = kind.name in {"nvarchar", "varchar", "varbinary"} and kind.length is None
        if unbounded or kind.name in {"xml", "text", "ntext", "image"}:
            raise SqlServerError(
                1919,
                f"Column '{column.name}' in table '{table.name}' is of a type that is invalid for use as a key column"
                " in an index.",
            )

    def _index_filter(self, table: Table, index: d.IndexDefinition) -> str:
        if index.filter is None:
            return ""
        context = self._context()
        context.scope.sources = [table_source(table, None, "")]
        return predicate(context, parse_expression(index.filter, index.filter_text))

    def _add_index_column(
        self, table: Table, index: int, position: int, column: Column, key: int, descending: bool, *, included: bool
    ) -> None:
        self._link.run(
            "INSERT INTO sandbox.index_columns VALUES ($1::int, $2::int, $3::int, $4::int, $5::int, $6::bool,"
            " $7::bool)",
            (
                str(table.object_id),
                str(index),
                str(position),
                str(column.id),
                str(key),
                flag(descending),
                flag(included),
            ),
        )

    def _drop_index(self, definition: d.DropIndex) -> None:
        table = self._context().try_table(definition.table)
        rows = (
            []
            if table is None
            else self._link.run(
                "SELECT physical, constraint_object_id FROM sandbox.indexes WHERE object_id = $1::int AND name ="
                " $2::citext",
                (str(table.object_id), definition.name),
            ).rows
        )
        if not rows or table is None:
            if definition.if_exists:
                return
            raise SqlServerError(
                3701,
                f"Cannot drop the index '{'.'.join(definition.table)}.{definition.name}', because it does not exist or"
                " you do not have permission.",
                severity=11,
                state=7,
            )
        if rows[0][1] is not None:
            raise SqlServerError(
                3723,
                f"An explicit DROP INDEX is not allowed on index '{table.name}.{definition.name}'. It is being used for"
                " constraint enforcement.",
            )
        self._link.script(
            "DROP INDEX"
            f" {quote('pg_temp' if table.name.startswith('#') else table.physical_schema)}.{quote(rows[0][0])}"
        )
        self._link.run(
            "DELETE FROM sandbox.indexes WHERE object_id = $1::int AND name = $2::citext",
            (str(table.object_id), definition.name),
        )
