"""DDL carried out: PostgreSQL's objects and the catalog's rows, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from etl.sandbox.schema.base import Place
from etl.sandbox.schema.definition_rights import DefinitionRights
from etl.sandbox.schema.namespaces import NamespaceEditor
from etl.sandbox.schema.principals import PrincipalEditor
from etl.sandbox.schema.renaming import Renamer
from etl.sandbox.schema.tables import columns_of_query
from etl.sandbox.schema.triggers import TriggerEditor
from etl.sandbox.translation import definitions as d


class SchemaEditor(NamespaceEditor, Renamer, TriggerEditor, PrincipalEditor, DefinitionRights):
    """Carries out definitions for one session."""

    def apply(self, definition: d.Definition) -> None:
        """Carry one definition out. Errors as SQL Server numbers them; PostgreSQL's own pass through."""
        # Each takes its own kind of definition, which a dict's value type cannot say.
        handlers: dict[type, Callable[[Any], None]] = {
            d.CreateTable: self._create_table,
            d.AddToTable: self._add_to_table,
            d.AlterColumn: self._alter_column,
            d.DropFromTable: self._drop_from_table,
            d.TrustConstraints: self._trust_constraints,
            d.DropObjects: self._drop_objects,
            d.IndexDefinition: self._create_index_statement,
            d.DropIndex: self._drop_index,
            d.CreateView: self._create_view,
            d.CreateSchema: self._create_schema,
            d.DropSchema: self._drop_schema,
            d.TransferObject: self._transfer,
            d.CreateDatabase: self._create_database,
            d.AlterDatabase: self._alter_database,
            d.DropDatabase: self._drop_database,
            d.CreateTrigger: self._create_trigger,
            d.DropTriggers: self._drop_triggers,
            d.SwitchTriggers: self._switch_triggers,
            d.Truncate: self._truncate,
            d.Rename: self._rename,
            **self._principal_handlers(),
        }
        self.check_rights(definition)
        handlers[type(definition)](definition)
        self._catalog.changed()
        self.refresh_triggers()


__all__ = ["Place", "SchemaEditor", "columns_of_query"]
