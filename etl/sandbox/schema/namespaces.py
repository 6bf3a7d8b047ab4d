"""Views, schemas and databases."""

from __future__ import annotations

from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.schema.base import (
    column_row,
)
from etl.sandbox.schema.permissions import PermissionEditor
from etl.sandbox.schema.tables import TableEditor
from etl.sandbox.translation import definitions as d
from etl.sandbox.translation.expression import quote
from etl.sandbox.translation.parser import parse_statement
from etl.sandbox.translation.query import compile_query


class NamespaceEditor(TableEditor, PermissionEditor):
    """CREATE and DROP of what holds names."""

    def _create_view(self, definition: d.CreateView) -> None:
        existing = self._context().try_table(definition.name)
        held = self._permissions_on(existing) if existing is not None else []
        if existing is not None and definition.replace and existing.kind == "V":
            self._drop_table(existing, "VIEW")
        elif definition.alter:
            raise SqlServerError(208, f"Invalid object name '{'.'.join(definition.name)}'.", ends_batch=True)
        place = self.place(definition.name)
        # Only the text is kept: like SQL Server, a view means what its text means when it is used.
        context = self._context()
        query = compile_query(context, parse_statement(definition.query, definition.text))
        if context.binds:
            raise not_supported("a view that depends on the session")
        names = definition.columns or [column.name for column in query.columns]
        for position, name in enumerate(names, 1):
            if not name:
                raise SqlServerError(
                    4511,
                    f"Create View or Function failed because no column name was specified for column {position}.",
                    ends_batch=True,
                )
        object_id = self._add_object(place, place.name, place.physical, "V", definition=definition.text)
        self._permit_again(object_id, held)
        for number, (name, column) in enumerate(zip(names, query.columns, strict=True), 1):
            shape = d.ColumnDefinition(name, column.type, collation=column.collation)
            row = column_row(object_id, number, shape, f"c{number}", column.type, column.nullable, None)
            self._link.run(
                "INSERT INTO sandbox.columns (object_id, column_id, name, physical, type_name, length, precision,"
                " scale, nullable, collation_name, is_identity, seed, increment, sequence, computed) VALUES ($1::int,"
                " $2::int, $3::citext, $4::text, $5::text, $6::int, $7::int, $8::int, $9::bool, $10::text, $11::bool,"
                " $12::numeric, $13::numeric, $14::text, $15::citext)",
                row,
            )

    def _create_schema(self, definition: d.CreateSchema) -> None:
        if self._catalog.schema(self._database(), definition.name) is not None or definition.name.lower() in {
            "sys",
            "information_schema",
        }:
            raise SqlServerError(
                2714, f"There is already an object named '{definition.name}' in the database.", state=6
            )
        owner = self._own_user() if definition.owner is None else self._owner(definition.owner)
        self._link.run("SELECT sandbox.add_schema($1::text, $2::text)", (self._database(), definition.name))
        self._link.run(
            "UPDATE sandbox.schemas SET owner_id = $3::int WHERE database_id = $1::int AND name = $2::citext",
            (self._place(), definition.name, str(owner)),
        )

    def _drop_schema(self, definition: d.DropSchema) -> None:
        found = self._catalog.schema(self._database(), definition.name)
        if found is None:
            if definition.if_exists:
                return
            raise SqlServerError(
                15151,
                f"Cannot drop the schema '{definition.name}', because it does not exist or you do not have permission.",
                ends_batch=True,
            )
        rows = self._link.run(
            "SELECT name::text FROM sandbox.objects WHERE schema_id = $1::int LIMIT 1", (str(found[0]),)
        ).rows
        if rows:
            raise SqlServerError(
                3729, f"Cannot drop schema '{definition.name}' because it is being referenced by object '{rows[0][0]}'."
            )
        self._link.script(f"DROP SCHEMA {quote(found[2])}")
        self._link.run("DELETE FROM sandbox.schemas WHERE schema_id = $1::int", (str(found[0]),))

    def _create_database(self, definition: d.CreateDatabase) -> None:
        if self._catalog.database(definition.name) is not None:
            raise SqlServerError(
                1801, f"Database '{definition.name}' already exists. Choose a different database name.", state=3
            )
        self._link.run("SELECT sandbox.add_database($1::text)", (definition.name,))

    def _alter_database(self, definition: d.AlterDatabase) -> None:
        name = definition.name or self._database()
        if self._catalog.database(name) is None:
            raise SqlServerError(
                5011,
                f"User does not have permission to alter database '{name}', the database does not exist, or the database"
                " is not in a state that allows access checks.",
                severity=14,
                state=5,
            )

    def _drop_database(self, definition: d.DropDatabase) -> None:
        for name in definition.names:
            if name.lower() in {"master", "tempdb"}:
                raise SqlServerError(3708, f"Cannot drop the database '{name}' because it is a system database.")
            if self._catalog.database(name) is None:
                if definition.if_exists:
                    continue
                raise SqlServerError(
                    3701,
                    f"Cannot drop the database '{name}', because it does not exist or you do not have permission.",
                    severity=11,
                )
            if name.lower() == self._database().lower():
                raise SqlServerError(3702, f'Cannot drop database "{name}" because it is currently in use.')
            self._link.run("SELECT sandbox.drop_database($1::text)", (name,))
