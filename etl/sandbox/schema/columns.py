"""Columns: added, altered and dropped."""

from __future__ import annotations

from etl.sandbox.catalog import Column, Table
from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.schema.base import (
    Place,
    column_row,
    flag,
    number_or_null,
    physical_column,
)
from etl.sandbox.schema.constraints import ConstraintEditor
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation import definitions as d
from etl.sandbox.translation.context import Source, column_expression
from etl.sandbox.translation.expression import quote, text_literal
from etl.sandbox.translation.nodes import value
from etl.sandbox.translation.parser import parse_expression
from etl.sandbox.translation.storing import stored
from etl.sandbox.translation.types import column_storage, family, is_case_sensitive, storage

_SEQUENCE_RANGES = {"tinyint": (0, 255), "smallint": (-(2**15), 2**15 - 1), "int": (-(2**31), 2**31 - 1)}


class ColumnEditor(ConstraintEditor):
    """Columns with their types, identities and defaults."""

    def _add_column(
        self,
        place: Place,
        object_id: int,
        qualified: str,
        number: int,
        column: d.ColumnDefinition,
        filled: bool = False,
    ) -> None:
        physical = physical_column(column.name, f"c_{object_id}_{number}")
        kind, generated = self._column_type(place, column)
        sequence = self._identity_sequence(place, object_id, kind, column) if column.identity else None
        nullable = bool(column.nullable) and column.identity is None and kind.name != "rowversion"
        self._link.run(
            "INSERT INTO sandbox.columns (object_id, column_id, name, physical, type_name, length, precision, scale,"
            " nullable, collation_name, is_identity, seed, increment, sequence, computed) VALUES ($1::int, $2::int,"
            " $3::citext, $4::text, $5::text, $6::int, $7::int, $8::int, $9::bool, $10::text, $11::bool, $12::numeric,"
            " $13::numeric, $14::text, $15::citext)",
            column_row(object_id, number, column, physical, kind, nullable, sequence),
        )
        parts = [quote(physical), column_storage(kind, column.collation)]
        if generated:
            parts.append(f"GENERATED ALWAYS AS ({generated}) STORED")
        elif sequence:
            parts.append(f"DEFAULT nextval({text_literal(sequence)})::{storage(kind)}")
        elif kind.name == "rowversion":
            parts.append("DEFAULT sandbox.next_rowversion()")
        elif column.default is not None:
            parts.append(f"DEFAULT {self._add_default(place, object_id, number, column, kind)}")
        if not nullable and not (
            filled and not generated and not sequence and column.default is None and kind.name != "rowversion"
        ):
            parts.append("NOT NULL")
        elif not nullable:
            raise SqlServerError(
                4901,
                "ALTER TABLE only allows columns to be added that can contain nulls, or have a DEFAULT definition"
                " specified, or the column being added is an identity or timestamp column, or alternatively if none of"
                " the previous conditions are satisfied the table must be empty to allow addition of this column."
                f" Column '{column.name}' cannot be added to non-empty table '{place.name}' because it does not satisfy"
                " these conditions.",
            )
        self._link.script(f"ALTER TABLE {qualified} ADD COLUMN {' '.join(parts)}")

    def _column_type(self, place: Place, column: d.ColumnDefinition) -> tuple[SqlType, str]:
        """(type, PostgreSQL's generation expression or empty)."""
        if column.type is not None:
            self._check_column_type(column)
            return column.type, ""
        assert column.computed is not None
        context = self._context()
        table = self._catalog.table(place.database, place.schema, place.name)
        assert table is not None
        context.scope.sources = [
            Source(table.name, [(item.name, column_expression(item, "")) for item in table.columns], table)
        ]
        found = value(context, parse_expression(column.computed, column.computed_text))
        if context.binds:
            raise not_supported("a computed column that depends on the session")
        column.nullable = found.nullable if column.nullable is None else column.nullable
        return found.type, found.sql

    @staticmethod
    def _check_column_type(column: d.ColumnDefinition) -> None:
        kind = column.type
        assert kind is not None
        if column.collation is not None:
            if family(kind) != "text":
                raise SqlServerError(
                    452, f"COLLATE clause cannot be used on expressions containing type {kind.name}.", ends_batch=True
                )
            is_case_sensitive(column.collation)
            if column.collation.lower() == "database_default":
                column.collation = None
        if column.identity is not None and not (family(kind) == "int" or (kind.name == "decimal" and kind.scale == 0)):
            raise SqlServerError(
                2749,
                f"Identity column '{column.name}' must be of data type int, bigint, smallint, tinyint, or decimal or"
                " numeric with a scale of 0, unencrypted, and constrained to be nonnullable.",
            )

    def _identity_sequence(self, place: Place, object_id: int, kind: SqlType, column: d.ColumnDefinition) -> str:
        assert column.identity is not None
        seed, step = column.identity
        low, high = _SEQUENCE_RANGES.get(kind.name, (-(2**63), 2**63 - 1))
        schema = "pg_temp" if place.session else place.physical_schema
        name = f"{quote(schema)}.{quote(f'identity_{object_id}')}"
        temporary = "TEMP " if place.session else ""
        short = quote(f"identity_{object_id}") if place.session else name
        self._link.script(
            f"CREATE {temporary}SEQUENCE {short} AS bigint INCREMENT {step} MINVALUE {low} MAXVALUE {high} START {seed}"
        )
        return name

    def _alter_column(self, definition: d.AlterColumn) -> None:
        table = self._find(definition.table)
        column = table.by_name.get(definition.column.lower())
        if column is None:
            raise SqlServerError(
                4924,
                f"ALTER TABLE ALTER COLUMN failed because column '{definition.column}' does not exist in table"
                f" '{table.name}'.",
            )
        if column.computed or column.identity or column.type.name == "rowversion":
            raise not_supported("ALTER COLUMN of an identity, computed or rowversion column")
        shape = d.ColumnDefinition(column.name, definition.type, collation=definition.collation)
        self._check_column_type(shape)
        target = Column(column.id, column.name, column.physical, definition.type, True, shape.collation)
        held = column_expression(column, "")
        using = stored(held, target, table)
        nullable = definition.nullable if definition.nullable is not None else True
        name = quote(column.physical)
        if column.has_default:
            raise SqlServerError(
                5074,
                f"The object is dependent on column '{column.name}': ALTER TABLE ALTER COLUMN failed because a DEFAULT"
                " accesses this column.",
            )
        self._link.script(
            f"ALTER TABLE {table.qualified} ALTER COLUMN {name} TYPE {column_storage(definition.type, shape.collation)}"
            f" USING {using}"
        )
        self._link.script(f"ALTER TABLE {table.qualified} ALTER COLUMN {name} {'DROP' if nullable else 'SET'} NOT NULL")
        kind = definition.type
        self._link.run(
            "UPDATE sandbox.columns SET type_name = $1::text, length = $2::int, precision = $3::int, scale = $4::int,"
            " nullable = $5::bool, collation_name = $6::text WHERE object_id = $7::int AND column_id = $8::int",
            (
                kind.name,
                number_or_null(kind.length),
                number_or_null(kind.precision),
                number_or_null(kind.scale),
                flag(nullable),
                shape.collation,
                str(table.object_id),
                str(column.id),
            ),
        )

    def _drop_column(self, table: Table, name: str, if_exists: bool) -> None:
        column = table.by_name.get(name.lower())
        if column is None:
            if if_exists:
                return
            raise SqlServerError(
                4924, f"ALTER TABLE DROP COLUMN failed because column '{name}' does not exist in table '{table.name}'."
            )
        rows = self._link.run(
            "SELECT o.name::text FROM sandbox.objects o WHERE o.parent_object_id = $1::int AND o.parent_column_id ="
            " $2::int UNION SELECT i.name::text FROM sandbox.indexes i JOIN sandbox.index_columns k USING (object_id,"
            " index_id) WHERE i.object_id = $1::int AND k.column_id = $2::int UNION SELECT o.name::text FROM"
            " sandbox.foreign_key_columns k JOIN sandbox.objects o USING (object_id) WHERE o.parent_object_id = $1::int"
            " AND k.parent_column_id = $2::int",
            (str(table.object_id), str(column.id)),
        ).rows
        if rows:
            raise SqlServerError(5074, f"The object '{rows[0][0]}' is dependent on column '{column.name}'.")
        self._link.script(f"ALTER TABLE {table.qualified} DROP COLUMN {quote(column.physical)}")
        self._link.run(
            "DELETE FROM sandbox.columns WHERE object_id = $1::int AND column_id = $2::int",
            (str(table.object_id), str(column.id)),
        )
