"""Tables: created, altered, truncated and dropped."""

from __future__ import annotations

from collections.abc import Sequence

from etl.sandbox.bulk_lock import drop_bulk_lock
from etl.sandbox.catalog import Table
from etl.sandbox.errors import SqlServerError
from etl.sandbox.names import fold
from etl.sandbox.schema.base import (
    Place,
)
from etl.sandbox.schema.columns import ColumnEditor
from etl.sandbox.translation import definitions as d
from etl.sandbox.translation.expression import Expression, quote, text_literal


class TableEditor(ColumnEditor):
    """CREATE, ALTER, TRUNCATE and DROP TABLE; DROP VIEW."""

    def _create_table(self, definition: d.CreateTable) -> None:
        place = self.place(definition.name)
        keys = [
            item for item in self._all_constraints(definition) if isinstance(item, d.KeyDefinition) and item.primary
        ]
        if len(keys) > 1:
            raise SqlServerError(8110, f"Cannot add multiple PRIMARY KEY constraints to table '{place.name}'.")
        primary = {fold(column.name) for key in keys for column in key.columns}
        for column in definition.columns:
            if fold(column.name) in primary and column.nullable is None:
                column_nullable = False
            else:
                column_nullable = column.nullable if column.nullable is not None else True
            if fold(column.name) in primary and column_nullable:
                raise SqlServerError(
                    8111, f"Cannot define PRIMARY KEY constraint on nullable column in table '{place.name}'."
                )
            column.nullable = column_nullable
        table = self.create_plain(place, definition.columns)
        for constraint in self._all_constraints(definition):
            self._add_constraint(place, table, constraint)
        for index in definition.indexes:
            self._create_index(table, index)

    @staticmethod
    def _all_constraints(definition: d.CreateTable) -> list[d.Constraint]:
        inline = [constraint for column in definition.columns for constraint in column.constraints]
        everything = [*inline, *definition.constraints]
        # A foreign key may point to the table's own key, so keys come first.
        return sorted(everything, key=lambda item: not isinstance(item, d.KeyDefinition))

    def create_plain(self, place: Place, columns: Sequence[d.ColumnDefinition]) -> Table:
        """A table with columns, identity and defaults, but no keys yet."""
        seen: set[str] = set()
        for column in columns:
            if fold(column.name) in seen:
                raise SqlServerError(
                    2705,
                    f"Column names in each table must be unique. Column name '{column.name}' in table '{place.name}' is"
                    " specified more than once.",
                    ends_batch=True,
                )
            seen.add(fold(column.name))
        object_id = self._add_object(place, place.name, place.physical, "U")
        physical_schema = "pg_temp" if place.session else place.physical_schema
        word = "TEMP TABLE" if place.session else "TABLE"
        name = quote(place.physical) if place.session else f"{quote(physical_schema)}.{quote(place.physical)}"
        self._link.script(f"CREATE {word} {name} ()")
        self._catalog.changed()
        for number, column in enumerate(columns, 1):
            self._add_column(place, object_id, name, number, column)
        self._catalog.changed()
        table = self._catalog.table(place.database, place.schema, place.name)
        assert table is not None
        return table

    def _add_to_table(self, definition: d.AddToTable) -> None:
        table = self._find(definition.table)
        place = self._place_of(table)
        number = max((column.id for column in table.columns), default=0)
        filled = self._link.run(f"SELECT EXISTS (SELECT FROM {table.qualified})").rows[0][0]
        inline: list[d.Constraint] = []
        for column in definition.columns:
            if column.name.lower() in table.by_name:
                raise SqlServerError(
                    2705,
                    f"Column names in each table must be unique. Column name '{column.name}' in table '{place.name}' is"
                    " specified more than once.",
                    ends_batch=True,
                )
            number += 1
            column.nullable = True if column.nullable is None else column.nullable
            self._add_column(place, table.object_id, table.qualified, number, column, filled=bool(filled))
            inline += column.constraints
        self._catalog.changed()
        table = self._find(definition.table)
        for constraint in [*inline, *definition.constraints]:
            self._add_constraint(place, table, constraint)

    def _drop_from_table(self, definition: d.DropFromTable) -> None:
        table = self._find(definition.table)
        for name in definition.constraints:
            self._drop_constraint(table, name, definition.if_exists)
        for name in definition.columns:
            self._drop_column(table, name, definition.if_exists)

    def _drop_objects(self, definition: d.DropObjects) -> None:
        for name in definition.names:
            table = self._context().try_table(name)
            wanted = "U" if definition.kind == "TABLE" else "V"
            if table is None or table.kind != wanted:
                if definition.if_exists and (table is None or table.kind == "S"):
                    continue
                if table is not None and table.kind in {"U", "V"}:
                    verb = "DROP TABLE" if wanted == "U" else "DROP VIEW"
                    raise SqlServerError(
                        3705, f"Cannot use {verb} with '{'.'.join(name)}' because it is of another kind."
                    )
                raise SqlServerError(
                    3701,
                    f"Cannot drop the {definition.kind.lower()} '{'.'.join(name)}', because it does not exist or you do"
                    " not have permission.",
                    severity=11,
                    state=5,
                )
            self._drop_table(table, definition.kind)

    def _drop_table(self, table: Table, kind: str) -> None:
        used = self._link.run(
            "SELECT FROM sandbox.foreign_keys WHERE referenced_object_id = $1::int AND parent_object_id <> $1::int",
            (str(table.object_id),),
        )
        if used.row_count:
            raise SqlServerError(
                3726, f"Could not drop object '{table.name}' because it is referenced by a FOREIGN KEY constraint."
            )
        if kind == "TABLE":
            for function in self._trigger_functions(table):
                self._link.script(f"DROP FUNCTION {function} CASCADE")
            self._link.script(f"DROP TABLE {table.qualified}")
            drop_bulk_lock(self._link, table)
        if table.identity is not None:
            self._link.script(f"DROP SEQUENCE {table.identity.sequence}")
        self._link.run(
            "DELETE FROM sandbox.objects WHERE object_id = $1::int OR parent_object_id = $1::int",
            (str(table.object_id),),
        )
        self._catalog.changed()

    def _truncate(self, definition: d.Truncate) -> None:
        table = self._find(definition.table, 4701)
        if self._link.run(
            "SELECT FROM sandbox.foreign_keys WHERE referenced_object_id = $1::int", (str(table.object_id),)
        ).row_count:
            raise SqlServerError(
                4712,
                f"Cannot truncate table '{table.name}' because it is being referenced by a FOREIGN KEY constraint.",
            )
        self._link.script(f"TRUNCATE {table.qualified}")
        if table.identity is not None:
            sequence = text_literal(str(table.identity.sequence))
            self._link.run(
                f"SELECT setval({sequence}, (SELECT seed FROM sandbox.columns WHERE object_id ="
                " $1::int AND is_identity)::bigint, false)",
                (str(table.object_id),),
            )


def columns_of_query(columns: Sequence[Expression]) -> list[d.ColumnDefinition]:
    """The columns that SELECT … INTO gives its new table. Error 1038 for one without a name."""
    found = []
    for column in columns:
        if not column.name:
            raise SqlServerError(
                1038,
                "An object or column name is missing or empty. For SELECT INTO statements, verify each column has a"
                " name. For other statements, look for empty alias names.",
                severity=15,
                ends_batch=True,
            )
        found.append(
            d.ColumnDefinition(
                column.name, column.type, nullable=column.nullable or column.is_null, collation=column.collation
            )
        )
    return found
