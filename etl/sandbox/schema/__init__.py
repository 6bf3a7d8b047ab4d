"""DDL carried out: PostgreSQL's objects and the catalog's rows, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable

from etl.sandbox.schema.base import Place
from etl.sandbox.schema.namespaces import NamespaceEditor
from etl.sandbox.schema.renaming import Renamer
from etl.sandbox.schema.tables import columns_of_query
from etl.sandbox.translation import definitions as d


class SchemaEditor(NamespaceEditor, Renamer):
    """Carries out definitions for one session."""

    def apply(self, definition: d.Definition) -> None:
        """Carry one definition out. Errors as SQL Server numbers them; PostgreSQL's own pass through."""
        handlers: dict[type, Callable[[d.Definition], None]] = {
            d.CreateTable: self._create_table,  # type: ignore[dict-item]
            d.AddToTable: self._add_to_table,  # type: ignore[dict-item]
            d.AlterColumn: self._alter_column,  # type: ignore[dict-item]
            d.DropFromTable: self._drop_from_table,  # type: ignore[dict-item]
            d.DropObjects: self._drop_objects,  # type: ignore[dict-item]
            d.IndexDefinition: self._create_index_statement,  # type: ignore[dict-item]
            d.DropIndex: self._drop_index,  # type: ignore[dict-item]
            d.CreateView: self._create_view,  # type: ignore[dict-item]
            d.CreateSchema: self._create_schema,  # type: ignore[dict-item]
            d.DropSchema: self._drop_schema,  # type: ignore[dict-item]
            d.TransferObject: self._transfer,  # type: ignore[dict-item]
            d.CreateDatabase: self._create_database,  # type: ignore[dict-item]
            d.DropDatabase: self._drop_database,  # type: ignore[dict-item]
            d.Truncate: self._truncate,  # type: ignore[dict-item]
            d.Rename: self._rename,  # type: ignore[dict-item]
        }
        handlers[type(definition)](definition)
        self._catalog.changed()


__all__ = ["Place", "SchemaEditor", "columns_of_query"]
