"""What a login must have to carry a definition out, by the permissions that each statement's documentation names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from etl.sandbox.catalog import Table
from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.schema.base import SchemaBase
from etl.sandbox.translation import definitions as d
from etl.sandbox.translation import principal_definitions as p
from etl.sandbox.translation.definitions import Name
from etl.sandbox.translation.parser import parse_statement
from etl.sandbox.translation.query import compile_query

_OWN_CHECKS = (
    *(p.CreateLogin, p.AlterLogin, p.DropLogin, p.CreateUser, p.AlterUser, p.CreateRole, p.DropPrincipal),
    *(p.ChangeRole, p.ChangeOwner, p.ChangePermissions),
)


class DefinitionRights(SchemaBase):
    """Checks definitions before they are carried out. What nobody wrote a rule for is refused."""

    def check_rights(self, definition: d.Definition) -> None:
        """Errors 229, 262, 1088, 2760, 3701, 15151 and 15247, as each statement has them."""
        if self._catalog.rights.unrestricted or isinstance(definition, _OWN_CHECKS):
            return
        rules: dict[type, Callable[[Any], None]] = {
            d.CreateTable: self._check_create_table,
            d.AddToTable: self._check_add_to_table,
            d.AlterColumn: lambda found: self._check_alter(found.table),
            d.DropFromTable: lambda found: self._check_alter(found.table),
            d.TrustConstraints: lambda found: self._check_alter(found.table),
            d.DropObjects: self._check_drop_objects,
            d.IndexDefinition: lambda found: self._check_alter(found.table, 12),
            d.DropIndex: self._check_drop_index,
            d.CreateView: self._check_create_view,
            d.CreateSchema: lambda _: self._check_on_database("CREATE SCHEMA"),
            d.DropSchema: self._check_drop_schema,
            d.TransferObject: self._check_transfer,
            d.CreateDatabase: self._check_create_database,
            d.AlterDatabase: self._check_alter_database,
            d.DropDatabase: self._check_drop_database,
            d.CreateTrigger: lambda found: self._check_alter(found.table),
            d.DropTriggers: self._check_drop_triggers,
            d.SwitchTriggers: lambda found: self._check_alter(found.table),
            d.Truncate: lambda found: self._check_alter(found.table, 7),
            d.Rename: self._check_rename,
        }
        rule = rules.get(type(definition))
        if rule is None:
            raise not_supported(f"{type(definition).__name__} by a login that is not sysadmin")
        rule(definition)

    def check_creation(self, name: Sequence[str], permission: str) -> None:
        """A new table or view: the permission to make one, and ALTER on its schema. Errors 262 and 2760."""
        if name[-1].startswith("#") or self._catalog.rights.unrestricted:
            return
        database, schema = self._home(name)
        self._catalog.rights.require_on_database(permission, database)
        if not self._catalog.rights.on_schema("ALTER", database, schema):
            raise SqlServerError(
                2760,
                f'The specified schema name "{schema}" either does not exist or you do not have permission to use it.',
                ends_batch=True,
            )

    def _home(self, name: Sequence[str]) -> tuple[str, str]:
        database = self._database()
        if len(name) == 3 and name[-3]:
            database = self._catalog.database(name[-3]) or name[-3]
            self._catalog.rights.open(database)
        given = name[-2] if len(name) > 1 else ""
        return database, given or self._catalog.rights.default_schema(database)

    def _check_on_database(self, permission: str) -> None:
        self._catalog.rights.require_on_database(permission, self._database())

    # Tables

    def _check_create_table(self, definition: d.CreateTable) -> None:
        self.check_creation(definition.name, "CREATE TABLE")
        constraints = [item for column in definition.columns for item in column.constraints]
        self._check_references([*constraints, *definition.constraints])

    def _check_add_to_table(self, definition: d.AddToTable) -> None:
        self._check_alter(definition.table)
        constraints = [item for column in definition.columns for item in column.constraints]
        self._check_references([*constraints, *definition.constraints])

    def _check_references(self, constraints: Sequence[d.Constraint]) -> None:
        for item in constraints:
            if isinstance(item, d.ForeignKeyDefinition):
                table = self._context().try_table(item.referenced)
                if table is not None:
                    self._catalog.rights.require(table, "REFERENCES")

    def _check_alter(self, name: Name, state: int = 13) -> None:
        table = self._context().try_table(name)
        if table is not None and table.kind != "S":
            self._catalog.rights.require_alter(table, state)

    def _check_drop_objects(self, definition: d.DropObjects) -> None:
        for name in definition.names:
            table = self._context().try_table(name)
            if table is None or table.kind == "S" or self._may_drop(table):
                continue
            raise SqlServerError(
                3701,
                f"Cannot drop the {definition.kind.lower()} '{'.'.join(name)}', because it does not exist or you do not have"
                " permission.",
                severity=14,
                state=20,
            )

    def _may_drop(self, table: Table) -> bool:
        rights = self._catalog.rights
        return rights.on_object("CONTROL", table) or rights.on_schema("ALTER", table.database, table.schema)

    def _check_drop_index(self, definition: d.DropIndex) -> None:
        table = self._context().try_table(definition.table)
        if table is not None and not self._catalog.rights.on_object("ALTER", table):
            raise SqlServerError(
                3701,
                f"Cannot drop the index '{'.'.join(definition.table)}.{definition.name}', because it does not exist or you do"
                " not have permission.",
                severity=14,
                state=6,
            )

    def _check_drop_triggers(self, definition: d.DropTriggers) -> None:
        for name in definition.names:
            rows = self._link.run(
                "SELECT s.name::text, t.name::text FROM sandbox.objects o JOIN sandbox.objects t ON t.object_id ="
                " o.parent_object_id JOIN sandbox.schemas s ON s.schema_id = t.schema_id JOIN sandbox.databases d USING"
                " (database_id) WHERE o.type = 'TR' AND o.name = $1::citext AND d.name = $2::citext",
                (name[-1], self._database()),
            ).rows
            for schema, table_name in rows:
                table = self._context().try_table((schema, table_name))
                if table is not None and not self._catalog.rights.on_object("ALTER", table):
                    raise SqlServerError(
                        3701,
                        f"Cannot drop the trigger '{'.'.join(name)}', because it does not exist or you do not have"
                        " permission.",
                        severity=14,
                        state=20,
                    )

    # Views, schemas, databases

    def _check_create_view(self, definition: d.CreateView) -> None:
        existing = self._context().try_table(definition.name)
        if existing is not None and definition.replace and existing.kind == "V":
            self._check_alter(definition.name)
        else:
            self.check_creation(definition.name, "CREATE VIEW")
        # Through ownership chaining the view will read what its maker may not.
        context = self._context()
        compile_query(context, parse_statement(definition.query, definition.text))
        context.check()

    def _check_drop_schema(self, definition: d.DropSchema) -> None:
        rights, database = self._catalog.rights, self._database()
        if self._catalog.schema(database, definition.name) is None:
            return
        if not (
            rights.on_schema("CONTROL", database, definition.name) or rights.on_database("ALTER ANY SCHEMA", database)
        ):
            raise SqlServerError(
                15151,
                f"Cannot drop the schema '{definition.name}', because it does not exist or you do not have permission.",
                ends_batch=True,
            )

    def _check_transfer(self, definition: d.TransferObject) -> None:
        table = self._context().try_table(definition.object)
        if table is None:
            return
        if not self._catalog.rights.on_object("CONTROL", table):
            raise SqlServerError(
                15151,
                f"Cannot find the object '{definition.object[-1]}', because it does not exist or you do not have"
                " permission.",
                ends_batch=True,
            )
        if not self._catalog.rights.on_schema("ALTER", table.database, definition.schema):
            raise SqlServerError(
                15151,
                f"Cannot alter the schema '{definition.schema}', because it does not exist or you do not have permission.",
                ends_batch=True,
            )

    def _check_create_database(self, _definition: d.CreateDatabase) -> None:
        rights = self._catalog.rights
        if not rights.on_server("CREATE ANY DATABASE"):
            rights.require_on_database("CREATE DATABASE", "master")

    def _check_alter_database(self, definition: d.AlterDatabase) -> None:
        name = self._catalog.database(definition.name or self._database())
        if name is not None and not self._catalog.rights.on_database("ALTER", name):
            raise SqlServerError(
                5011,
                f"User does not have permission to alter database '{name}', the database does not exist, or the database is"
                " not in a state that allows access checks.",
                severity=14,
                state=9,
            )

    def _check_drop_database(self, definition: d.DropDatabase) -> None:
        rights = self._catalog.rights
        for name in definition.names:
            if self._catalog.database(name) is None:
                continue
            if not (rights.on_database("CONTROL", name) or rights.on_server("ALTER ANY DATABASE")):
                raise SqlServerError(
                    3701,
                    f"Cannot drop the database '{name}', because it does not exist or you do not have permission.",
                    severity=14,
                    state=1,
                )

    def _check_rename(self, definition: d.Rename) -> None:
        """ALTER on the object; a constraint or index counts as its table."""
        parts = self._link.run("SELECT sandbox.name_parts($1::text)", (definition.object,)).rows[0][0]
        names = parts[:-1] if definition.kind in {"COLUMN", "INDEX"} else parts
        table = self._context().try_table(names) if names else None
        if table is None and definition.kind == "OBJECT":
            table = self._table_of_constraint(definition.object)
        if table is not None and not self._catalog.rights.on_object("ALTER", table):
            raise SqlServerError(15247, "User does not have permission to perform this action.")

    def _table_of_constraint(self, name: str) -> Table | None:
        rows = self._link.run(
            "SELECT s.name::text, t.name::text FROM sandbox.objects o JOIN sandbox.objects t ON t.object_id ="
            " o.parent_object_id JOIN sandbox.schemas s ON s.schema_id = t.schema_id WHERE o.object_id ="
            " sandbox.find_object($1::text, $2::text, $3::int)",
            (name, self._database(), str(self._catalog.session)),
        ).rows
        return self._context().try_table(rows[0]) if rows else None
