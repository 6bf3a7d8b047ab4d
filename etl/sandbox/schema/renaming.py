"""sp_rename and ALTER SCHEMA … TRANSFER."""

from __future__ import annotations

from collections.abc import Sequence

from etl.sandbox.errors import SqlServerError
from etl.sandbox.schema.base import (
    Place,
    physical_column,
)
from etl.sandbox.schema.permissions import PermissionEditor
from etl.sandbox.translation import definitions as d
from etl.sandbox.translation.expression import quote


class Renamer(PermissionEditor):
    """Gives objects other names and schemas."""

    def _rename(self, definition: d.Rename) -> None:
        parts = self._link.run("SELECT sandbox.name_parts($1::text)", (definition.object,)).rows[0][0]
        if definition.kind == "COLUMN":
            self._rename_column(parts, definition.new_name)
            return
        if definition.kind == "INDEX":
            self._rename_index(parts, definition.new_name)
            return
        table = self._context().try_table(parts)
        if table is None or table.kind == "S":
            self._rename_constraint(parts, definition)
            return
        place = self._place_of(table)
        self._refuse_taken_by_rename(place, definition.new_name)
        renamed = Place(
            place.database, place.schema, place.schema_id, place.physical_schema, definition.new_name, place.session
        )
        if table.kind == "U":
            self._link.script(f"ALTER TABLE {table.qualified} RENAME TO {quote(renamed.physical)}")
        self._link.run(
            "UPDATE sandbox.objects SET name = $1::citext, physical = $2::text, modify_date = now() WHERE object_id ="
            " $3::int",
            (definition.new_name, renamed.physical, str(table.object_id)),
        )

    def _refuse_taken_by_rename(self, place: Place, name: str) -> None:
        try:
            self._refuse_taken(place, name)
        except SqlServerError as error:
            if error.number != 2714:
                raise
            raise SqlServerError(
                15335,
                f"Error: The new name '{name}' is already in use as a OBJECT name and would cause a duplicate that is"
                " not permitted.",
                severity=11,
            ) from None

    def _rename_constraint(self, parts: Sequence[str], definition: d.Rename) -> None:
        rows = self._link.run(
            "SELECT o.object_id, o.type::text, o.parent_object_id FROM sandbox.objects o WHERE o.object_id ="
            " sandbox.find_object($1::text, $2::text, $3::int)",
            (definition.object, self._database(), str(self._catalog.session)),
        ).rows
        if not rows:
            raise SqlServerError(
                15225,
                f"No item by the name of '{definition.object}' could be found in the current database"
                f" '{self._database()}', given that @itemtype was input as '(null)'.",
                severity=11,
            )
        object_id, kind, _ = rows[0]
        self._link.run(
            "UPDATE sandbox.objects SET name = $1::citext WHERE object_id = $2::int",
            (definition.new_name, str(object_id)),
        )
        if kind.strip() in {"PK", "UQ"}:
            self._link.run(
                "UPDATE sandbox.indexes SET name = $1::citext WHERE constraint_object_id = $2::int",
                (definition.new_name, str(object_id)),
            )
        assert parts

    def _rename_column(self, parts: Sequence[str], new_name: str) -> None:
        table = self._context().try_table(parts[:-1]) if len(parts) > 1 else None
        column = table.by_name.get(parts[-1].lower()) if table is not None else None
        if table is None or column is None or table.kind != "U":
            raise SqlServerError(
                15248,
                "Either the parameter @objname is ambiguous or the claimed @objtype (COLUMN) is wrong.",
                severity=11,
            )
        if new_name.lower() in table.by_name and new_name.lower() != column.name.lower():
            raise SqlServerError(
                15335,
                f"Error: The new name '{new_name}' is already in use as a COLUMN name and would cause a duplicate that"
                " is not permitted.",
                severity=11,
            )
        physical = physical_column(new_name, f"c_{table.object_id}_{column.id}r")
        if physical != column.physical:
            self._link.script(
                f"ALTER TABLE {table.qualified} RENAME COLUMN {quote(column.physical)} TO {quote(physical)}"
            )
        self._link.run(
            "UPDATE sandbox.columns SET name = $1::citext, physical = $2::text WHERE object_id = $3::int AND column_id"
            " = $4::int",
            (new_name, physical, str(table.object_id), str(column.id)),
        )

    def _rename_index(self, parts: Sequence[str], new_name: str) -> None:
        table = self._context().try_table(parts[:-1]) if len(parts) > 1 else None
        done = (
            0
            if table is None
            else self._link.run(
                "UPDATE sandbox.indexes SET name = $1::citext WHERE object_id = $2::int AND name = $3::citext",
                (new_name, str(table.object_id), parts[-1]),
            ).row_count
        )
        if not done:
            raise SqlServerError(
                15248,
                "Either the parameter @objname is ambiguous or the claimed @objtype (INDEX) is wrong.",
                severity=11,
            )

    def _transfer(self, definition: d.TransferObject) -> None:
        table = self._find(definition.object, 15151)
        target = self._catalog.schema(table.database, definition.schema)
        if target is None:
            raise SqlServerError(
                15151,
                f"Cannot alter the schema '{definition.schema}', because it does not exist or you do not have"
                " permission.",
                ends_batch=True,
            )
        moved = Place(table.database, target[1], target[0], target[2], table.name, 0)
        self._refuse_taken(moved, table.name)
        if table.kind == "U":
            for function in self._trigger_functions(table):
                self._link.script(f"ALTER FUNCTION {function} SET SCHEMA {quote(moved.physical_schema)}")
            self._link.script(f"ALTER TABLE {table.qualified} SET SCHEMA {quote(moved.physical_schema)}")
        if table.identity is not None and table.identity.sequence is not None:
            name = f"identity_{table.object_id}"
            self._link.script(f"ALTER SEQUENCE {table.identity.sequence} SET SCHEMA {quote(moved.physical_schema)}")
            self._link.run(
                "UPDATE sandbox.columns SET sequence = $1::text WHERE object_id = $2::int AND is_identity",
                (f"{quote(moved.physical_schema)}.{quote(name)}", str(table.object_id)),
            )
        self._link.run(
            "UPDATE sandbox.objects SET schema_id = $1::int WHERE object_id = $2::int OR parent_object_id = $2::int",
            (str(moved.schema_id), str(table.object_id)),
        )
        self._forget_permissions(table.object_id)
