"""Keys, foreign keys, checks and defaults."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sqlglot import exp

from etl.sandbox.catalog import Column, Table
from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.schema.base import (
    Place,
    column_of,
    key_column,
)
from etl.sandbox.schema.indexes import IndexEditor
from etl.sandbox.schema.violations import new_constraint
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation import definitions as d
from etl.sandbox.translation.context import table_source
from etl.sandbox.translation.expression import quote
from etl.sandbox.translation.nodes import predicate, value
from etl.sandbox.translation.parser import parse_expression
from etl.sandbox.translation.storing import stored

_UNCHECKED = "coalesce(current_setting('sandbox.unchecked', true), '') = 'on'"
"""True in a bulk load without CHECK_CONSTRAINTS; see bootstrap/47_bulk.sql."""
_ACTIONS = {"NO ACTION": 0, "CASCADE": 1, "SET NULL": 2, "SET DEFAULT": 3}


class ConstraintEditor(IndexEditor):
    """Adds and drops constraints."""

    def _add_constraint(self, place: Place, table: Table, constraint: d.Constraint) -> None:
        if isinstance(constraint, d.KeyDefinition):
            self._add_key(place, table, constraint)
        elif isinstance(constraint, d.ForeignKeyDefinition):
            self._add_foreign_key(place, table, constraint)
        elif isinstance(constraint, d.CheckDefinition):
            self._add_check(place, table, constraint)
        else:
            self._add_default_constraint(place, table, constraint)
        self._catalog.changed()

    def _constraint_name(self, place: Place, table: Table, prefix: str, given: str | None) -> tuple[str, bool]:
        if given is None:
            digest = (
                hashlib.md5(f"{table.object_id}{prefix}{self._catalog.version}".encode(), usedforsecurity=False)
                .hexdigest()[:16]
                .upper()
            )
            return f"{prefix}__{table.name[:9]}__{digest}", True
        self._refuse_taken(place, given)
        return given, False

    def _add_key(self, place: Place, table: Table, key: d.KeyDefinition) -> None:
        name, system = self._constraint_name(place, table, "PK" if key.primary else "UQ", key.name)
        if (
            key.primary
            and self._link.run(
                "SELECT FROM sandbox.indexes WHERE object_id = $1::int AND is_primary_key", (str(table.object_id),)
            ).row_count
        ):
            raise SqlServerError(1779, f"Table '{table.name}' already has a primary key defined on it.")
        if key.primary:
            for item in key.columns:
                if column_of(table, item.name).nullable:
                    raise SqlServerError(
                        8111, f"Cannot define PRIMARY KEY constraint on nullable column in table '{table.name}'."
                    )
        constraint_id = self._add_object(
            place, name, f"key_{name}", "PK" if key.primary else "UQ", parent=table.object_id, system=system
        )
        clustered = key.clustered if key.clustered is not None else key.primary and not self._has_clustered(table)
        index = d.IndexDefinition(name, (), key.columns, unique=True, clustered=clustered)
        self._create_index(table, index, constraint_id=constraint_id, primary=key.primary)

    def _add_foreign_key(self, place: Place, table: Table, key: d.ForeignKeyDefinition) -> None:
        if place.session:
            # SQL Server makes the table without it, and says so in a message.
            raise not_supported("a foreign key of a temporary table")
        name, system = self._constraint_name(place, table, "FK", key.name)
        referenced = self._context().try_table(key.referenced)
        if referenced is None or referenced.kind != "U":
            raise SqlServerError(1767, f"Foreign key '{name}' references invalid table '{'.'.join(key.referenced)}'.")
        names = key.referenced_columns or self._primary_columns(referenced)
        own = [key_column(table, item, name, 1769) for item in key.columns]
        others = [key_column(referenced, item, name, 1770) for item in names]
        if len(own) != len(others):
            raise SqlServerError(
                8139, "Number of referencing columns in foreign key differs from number of referenced columns."
            )
        for mine, theirs in zip(own, others, strict=True):
            if mine.type != theirs.type:
                raise SqlServerError(
                    1778,
                    f"Column '{referenced.schema}.{referenced.name}.{theirs.name}' is not the same data type as"
                    f" referencing column '{table.name}.{mine.name}' in foreign key '{name}'.",
                )
        index = self._key_index(referenced, others, name)
        object_id = self._add_object(
            place, name, f"fk_{table.object_id}_{len(name)}", "F", parent=table.object_id, system=system
        )
        physical = f"fk_{object_id}"
        self._link.run(
            "UPDATE sandbox.objects SET physical = $1::text WHERE object_id = $2::int", (physical, str(object_id))
        )
        self._link.run(
            "INSERT INTO sandbox.foreign_keys VALUES ($1::int, $2::int, $3::int, $4::int, $5::int, $6::int)",
            (
                str(object_id),
                str(table.object_id),
                str(referenced.object_id),
                str(index),
                str(_ACTIONS[key.on_delete]),
                str(_ACTIONS[key.on_update]),
            ),
        )
        for ordinal, (mine, theirs) in enumerate(zip(own, others, strict=True), 1):
            self._link.run(
                "INSERT INTO sandbox.foreign_key_columns VALUES ($1::int, $2::int, $3::int, $4::int)",
                (str(object_id), str(ordinal), str(mine.id), str(theirs.id)),
            )
        columns = ", ".join(quote(column.physical) for column in own)
        targets = ", ".join(quote(column.physical) for column in others)
        with new_constraint(name, referenced, others[0].name if len(others) == 1 else None):
            self._link.script(
                f"ALTER TABLE {table.qualified} ADD CONSTRAINT {quote(physical)} FOREIGN KEY ({columns}) REFERENCES"
                f" {referenced.qualified} ({targets}) ON DELETE {key.on_delete} ON UPDATE {key.on_update}"
            )

    def _primary_columns(self, table: Table) -> list[str]:
        rows = self._link.run(
            "SELECT c.name::text FROM sandbox.indexes i JOIN sandbox.index_columns k USING (object_id, index_id) JOIN"
            " sandbox.columns c USING (object_id, column_id) WHERE i.object_id = $1::int AND i.is_primary_key ORDER BY"
            " k.key_ordinal",
            (str(table.object_id),),
        ).rows
        if not rows:
            raise SqlServerError(
                1773,
                f"Foreign key has implicit reference to object '{table.name}' which does not have a primary key defined"
                " on it.",
            )
        return [row[0] for row in rows]

    def _key_index(self, table: Table, columns: Sequence[Column], name: str) -> int:
        rows = self._link.run(
            "SELECT i.index_id, array_agg(k.column_id ORDER BY k.column_id) FROM sandbox.indexes i JOIN"
            " sandbox.index_columns k USING (object_id, index_id) WHERE i.object_id = $1::int AND i.is_unique AND"
            " i.filter IS NULL AND NOT k.is_included GROUP BY i.index_id ORDER BY i.index_id",
            (str(table.object_id),),
        ).rows
        wanted = sorted(column.id for column in columns)
        for index, have in rows:
            if list(have) == wanted:
                return int(index)
        raise SqlServerError(
            1776,
            f"There are no primary or candidate keys in the referenced table '{table.schema}.{table.name}' that match"
            f" the referencing column list in the foreign key '{name}'.",
        )

    def _add_check(self, place: Place, table: Table, check: d.CheckDefinition) -> None:
        name, system = self._constraint_name(place, table, "CK", check.name)
        context = self._context()
        context.scope.sources = [table_source(table, None, "")]
        tree = parse_expression(check.tokens, check.text)
        condition = predicate(context, tree)
        # A check of one column is that column's, however it is written.
        named = {node.name.lower() for node in tree.find_all(exp.Column)}
        column = table.by_name[named.pop()] if len(named) == 1 else None
        if context.binds:
            raise not_supported(f"the check {check.text}")
        object_id = self._add_object(
            place,
            name,
            "",
            "C",
            parent=table.object_id,
            column=column.id if column is not None else 0,
            definition=check.text,
            system=system,
        )
        physical = f"ck_{object_id}"
        self._link.run(
            "UPDATE sandbox.objects SET physical = $1::text WHERE object_id = $2::int", (physical, str(object_id))
        )
        with new_constraint(name, table, column.name if column is not None else None):
            self._link.script(
                f"ALTER TABLE {table.qualified} ADD CONSTRAINT {quote(physical)} CHECK ({_UNCHECKED} OR ({condition}))"
            )

    def _add_default_constraint(self, place: Place, table: Table, default: d.DefaultDefinition) -> None:
        assert default.column is not None
        column = column_of(table, default.column)
        if column.has_default:
            raise SqlServerError(1781, "Column already has a DEFAULT bound to it.")
        definition = d.ColumnDefinition(column.name, column.type, collation=column.collation, default=default)
        text = self._add_default(place, table.object_id, column.id, definition, column.type)
        self._link.script(f"ALTER TABLE {table.qualified} ALTER COLUMN {quote(column.physical)} SET DEFAULT {text}")

    def _add_default(self, place: Place, object_id: int, number: int, column: d.ColumnDefinition, kind: SqlType) -> str:
        default = column.default
        assert default is not None
        context = self._context()
        found = value(context, parse_expression(default.tokens, default.text))
        if context.binds:
            raise not_supported(f"the default {default.text}")
        name = default.name or f"DF__{place.name[:9]}__{column.name[:5]}__{object_id & 0xFFFFFFFF:08X}"
        self._refuse_taken(place, name)
        text = default.text if default.text.startswith("(") else f"({default.text})"
        self._add_object(
            place, name, name, "D", parent=object_id, column=number, definition=text, system=default.name is None
        )
        target = Column(number, column.name, column.name, kind, True, column.collation)
        table = Table(object_id, place.database, place.schema, place.name, "U", "", "", ())
        return stored(found, target, table)

    def _trust_constraints(self, definition: d.TrustConstraints) -> None:
        """Check the rows that bulk loads put past CHECK and FOREIGN KEY constraints. Errors 547 and 4917."""
        table = self._find(definition.table)
        rows = self._link.run(
            "SELECT object_id, name::text, physical, sandbox.is_untrusted(object_id) FROM sandbox.objects WHERE"
            " parent_object_id = $1::int AND type IN ('C', 'F') ORDER BY object_id",
            (str(table.object_id),),
        ).rows
        known = {row[1].lower() for row in rows}
        for name in definition.names:
            if name.lower() not in known:
                error = SqlServerError(4917, f"Constraint '{name}' does not exist.")
                error.followed_by = SqlServerError(
                    4916, "Could not enable or disable the constraint. See previous errors."
                )
                raise error
        wanted = {name.lower() for name in definition.names} or known
        for object_id, name, physical, untrusted in rows:
            if untrusted and definition.with_check and name.lower() in wanted:
                self._check_rows(table, physical)
                self._link.run("DELETE FROM sandbox.untrusted_constraints WHERE object_id = $1::int", (str(object_id),))

    def _check_rows(self, table: Table, physical: str) -> None:
        """PostgreSQL takes the constraint for checked: it looks at the rows when it is made anew."""
        text = self._link.run(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = $1::regclass AND conname = $2::text",
            (table.qualified, physical),
        ).rows[0][0]
        name = quote(physical)
        self._link.script(f"ALTER TABLE {table.qualified} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} {text}")

    def _drop_constraint(self, table: Table, name: str, if_exists: bool) -> None:
        rows = self._link.run(
            "SELECT object_id, type::text, physical, parent_column_id FROM sandbox.objects WHERE parent_object_id ="
            " $1::int AND name = $2::citext",
            (str(table.object_id), name),
        ).rows
        if not rows:
            if if_exists:
                return
            raise SqlServerError(3728, f"'{name}' is not a constraint.")
        object_id, kind, physical, column_id = rows[0]
        kind = kind.strip()
        if kind in {"PK", "UQ"}:
            self._drop_key(table, object_id, name)
        elif kind == "D":
            column = next(column for column in table.columns if column.id == column_id)
            self._link.script(f"ALTER TABLE {table.qualified} ALTER COLUMN {quote(column.physical)} DROP DEFAULT")
        else:
            self._link.script(f"ALTER TABLE {table.qualified} DROP CONSTRAINT {quote(physical)}")
        self._link.run("DELETE FROM sandbox.objects WHERE object_id = $1::int", (str(object_id),))

    def _drop_key(self, table: Table, constraint_id: int, name: str) -> None:
        used = self._link.run(
            "SELECT FROM sandbox.foreign_keys f JOIN sandbox.indexes i ON i.object_id = f.referenced_object_id AND"
            " i.index_id = f.key_index_id WHERE i.constraint_object_id = $1::int",
            (str(constraint_id),),
        )
        if used.row_count:
            raise SqlServerError(
                3725, f"The constraint '{name}' is being referenced by table '{table.name}', foreign key constraint."
            )
        row = self._link.run(
            "DELETE FROM sandbox.indexes WHERE constraint_object_id = $1::int RETURNING physical", (str(constraint_id),)
        ).rows[0]
        schema = "pg_temp" if table.name.startswith("#") else table.physical_schema
        self._link.script(f"DROP INDEX {quote(schema)}.{quote(row[0])}")
