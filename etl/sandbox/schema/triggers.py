"""Triggers: created, dropped, disabled, and kept in step with the tables that they name."""

from __future__ import annotations

from collections.abc import Sequence

from etl.sandbox.catalog import Catalog, Table
from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.schema.base import Place, SchemaBase, flag
from etl.sandbox.translation import definitions as d
from etl.sandbox.translation.batch import Statement, parse_batch
from etl.sandbox.translation.ddl_parser import parse_definition
from etl.sandbox.translation.expression import quote, text_literal
from etl.sandbox.translation.trigger_body import TriggerEvent, compile_body

_TRANSITION_TABLES = {
    "INSERT": "NEW TABLE AS inserted",
    "UPDATE": "OLD TABLE AS deleted NEW TABLE AS inserted",
    "DELETE": "OLD TABLE AS deleted",
}


class TriggerEditor(SchemaBase):
    """CREATE, ALTER, DROP, DISABLE and ENABLE TRIGGER."""

    def _create_trigger(self, definition: d.CreateTrigger) -> None:
        if len(definition.name) > 2:
            raise SqlServerError(
                166,
                "'CREATE/ALTER TRIGGER' does not allow specifying the database name as a prefix to the object name.",
                severity=15,
                ends_batch=True,
            )
        table = self._triggered_table(definition)
        place = self._trigger_place(definition, table)
        existing = self._find_trigger(definition.name)
        if existing is not None and definition.replace:
            self._drop_functions(existing)
        elif definition.alter:
            raise SqlServerError(208, f"Invalid object name '{'.'.join(definition.name)}'.", ends_batch=True)
        else:
            self._refuse_taken(place, place.name)
        object_id = self._register(place, table, definition, existing)
        for event in definition.events:
            trigger = TriggerEvent(object_id, place.name, table, event)
            body = compile_body(self._catalog, trigger, definition.body, definition.text)
            self._link.script(_function(trigger, body))
            # ALWAYS: also in a bulk load that checks no foreign keys, for which the session has the role "replica".
            self._link.script(
                f"CREATE TRIGGER {trigger.physical} AFTER {event} ON {table.qualified} REFERENCING"
                f" {_TRANSITION_TABLES[event]} FOR EACH STATEMENT EXECUTE FUNCTION {_qualified(trigger)}(); ALTER TABLE"
                f" {table.qualified} ENABLE ALWAYS TRIGGER {trigger.physical}"
            )

    def _triggered_table(self, definition: d.CreateTrigger) -> Table:
        if definition.table[-1].startswith("#"):
            raise not_supported("a trigger on a temporary table")
        # A bare table name is looked up in the trigger's schema.
        name = definition.table
        if len(name) == 1 and len(definition.name) > 1:
            name = (*definition.name[:-1], *name)
        table = self._context().try_table(name)
        if table is None or table.kind != "U":
            raise SqlServerError(
                8197,
                f"The object '{'.'.join(definition.table)}' does not exist or is invalid for this operation.",
                state=6,
                ends_batch=True,
            )
        return table

    def _trigger_place(self, definition: d.CreateTrigger, table: Table) -> Place:
        home = self._place_of(table)
        schema = definition.name[-2] if len(definition.name) == 2 and definition.name[-2] else "dbo"
        if len(definition.name) == 1:
            schema = table.schema
        if schema.lower() != table.schema.lower() or table.database.lower() != self._database().lower():
            verb = "alter" if definition.alter else "create"
            raise SqlServerError(
                2103 if schema.lower() != table.schema.lower() else 2108,
                f"Cannot {verb} trigger '{'.'.join(definition.name)}' because its schema is different from the schema of"
                " the target table or view."
                if schema.lower() != table.schema.lower()
                else f"Cannot {verb} trigger on '{'.'.join(definition.table)}' as the target is not in the current"
                " database.",
                severity=15,
                ends_batch=True,
            )
        return Place(home.database, home.schema, home.schema_id, home.physical_schema, definition.name[-1], 0)

    def _register(self, place: Place, table: Table, definition: d.CreateTrigger, existing: int | None) -> int:
        events = ",".join(definition.events)
        if existing is None:
            object_id = self._add_object(
                place, place.name, "", "TR", parent=table.object_id, definition=definition.definition
            )
            self._link.run(
                "INSERT INTO sandbox.triggers (object_id, events) VALUES ($1::int, $2::text)", (str(object_id), events)
            )
            return object_id
        self._link.run(
            "UPDATE sandbox.objects SET definition = $2::citext, parent_object_id = $3::int, modify_date ="
            " date_trunc('second', clock_timestamp()) WHERE object_id = $1::int",
            (str(existing), definition.definition, str(table.object_id)),
        )
        self._link.run(
            "UPDATE sandbox.triggers SET events = $2::text, is_disabled = false WHERE object_id = $1::int",
            (str(existing), events),
        )
        return existing

    def _find_trigger(self, name: Sequence[str]) -> int | None:
        schema = name[-2] if len(name) > 1 and name[-2] else "dbo"
        database = name[-3] if len(name) > 2 and name[-3] else self._database()
        rows = self._link.run(
            "SELECT o.object_id FROM sandbox.objects o JOIN sandbox.schemas s USING (schema_id) JOIN sandbox.databases d"
            " USING (database_id) WHERE o.type = 'TR' AND o.name = $1::citext AND s.name = $2::citext AND d.name ="
            " $3::citext",
            (name[-1], schema, database),
        ).rows
        return int(rows[0][0]) if rows else None

    def _drop_triggers(self, definition: d.DropTriggers) -> None:
        for name in definition.names:
            found = self._find_trigger(name)
            if found is None:
                if definition.if_exists:
                    continue
                raise SqlServerError(
                    3701,
                    f"Cannot drop the trigger '{'.'.join(name)}', because it does not exist or you do not have permission.",
                    severity=11,
                    state=5,
                )
            self._drop_functions(found)
            self._link.run("DELETE FROM sandbox.objects WHERE object_id = $1::int", (str(found),))

    def _drop_functions(self, object_id: int) -> None:
        rows = self._link.run(
            "SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.proname LIKE $1::text",
            (f"tr\\_{object_id:010d}\\_%",),
        ).rows
        for (function,) in rows:
            self._link.script(f"DROP FUNCTION {function} CASCADE")  # with its PostgreSQL trigger

    def _switch_triggers(self, definition: d.SwitchTriggers) -> None:
        table = self._find(definition.table, 1088 if definition.missing == 1088 else 4902)
        for object_id in self._named_triggers(table, definition):
            events = self._link.run(
                "UPDATE sandbox.triggers SET is_disabled = $2::bool WHERE object_id = $1::int RETURNING events",
                (str(object_id), flag(definition.disabled)),
            ).rows[0][0]
            action = "DISABLE" if definition.disabled else "ENABLE ALWAYS"
            for trigger in (TriggerEvent(object_id, "", table, event) for event in events.split(",")):
                self._link.script(f"ALTER TABLE {table.qualified} {action} TRIGGER {trigger.physical}")

    def _named_triggers(self, table: Table, definition: d.SwitchTriggers) -> list[int]:
        rows = self._link.run(
            "SELECT object_id, lower(name::text) FROM sandbox.objects WHERE type = 'TR' AND parent_object_id = $1::int",
            (str(table.object_id),),
        ).rows
        if definition.names is None:
            return [row[0] for row in rows]
        known = {row[1]: row[0] for row in rows}
        for name in definition.names:
            if name[-1].lower() not in known:
                raise SqlServerError(
                    definition.missing,
                    f'Cannot find the object "{".".join(name)}" because it does not exist or you do not have permissions.'
                    if definition.missing == 1088
                    else f"ALTER TABLE failed because trigger '{name[-1]}' on table '{table.name}' does not exist.",
                    ends_batch=True,
                )
        return [known[name[-1].lower()] for name in definition.names]

    def refresh_triggers(self) -> None:
        """After any definition: each trigger's function means what its text means now, as if it were compiled when it fires."""
        rows = self._link.run(
            "SELECT g.object_id, o.name::text, d.name::text, s.name::text, t.name::text, o.definition::text, g.events FROM"
            " sandbox.triggers g JOIN sandbox.objects o USING (object_id) JOIN sandbox.objects t ON t.object_id ="
            " o.parent_object_id JOIN sandbox.schemas s ON s.schema_id = t.schema_id JOIN sandbox.databases d USING"
            " (database_id)"
        ).rows
        # Whoever carries the definition out may know less than the trigger names.
        catalog = self._catalog.trusted()
        for object_id, name, database, schema, parent, text, events in rows:
            table = catalog.table(database, schema, parent)
            assert table is not None
            for event in events.split(","):
                self._refresh(catalog, TriggerEvent(object_id, name, table, event), text)

    def _refresh(self, catalog: Catalog, trigger: TriggerEvent, text: str) -> None:
        statement = parse_batch(text)[0]
        assert isinstance(statement, Statement)
        definition = parse_definition(statement)
        assert isinstance(definition, d.CreateTrigger)
        try:
            body = compile_body(catalog, trigger, definition.body, definition.text)
        except SqlServerError as error:
            body = (
                f"BEGIN\n  PERFORM sandbox.trigger_fails({error.number}, {text_literal(error.message)},"
                f" {error.severity}, {error.state});\n  RETURN NULL;\nEND"
            )
        held = self._link.run("SELECT prosrc FROM pg_proc WHERE proname = $1::text", (trigger.physical,)).rows
        # Written only when it differs: a function that two sessions write at once would stop one of them.
        if held and held[0][0] != body:
            self._link.script(_function(trigger, body))


def _qualified(trigger: TriggerEvent) -> str:
    return f"{quote(trigger.table.physical_schema)}.{trigger.physical}"


def _function(trigger: TriggerEvent, body: str) -> str:
    return (
        f"CREATE OR REPLACE FUNCTION {_qualified(trigger)}() RETURNS trigger LANGUAGE plpgsql AS {text_literal(body)}"
    )
