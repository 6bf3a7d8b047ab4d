"""What is known while a statement inside a trigger is compiled: `inserted`, `deleted`, plpgsql's variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from etl.sandbox.catalog import Catalog, Table
from etl.sandbox.errors import not_supported
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation.context import Context
from etl.sandbox.translation.expression import Expression, text_literal
from etl.sandbox.translation.types import INT, storage

FIRED_BY = frozenset(
    {
        *("@@TRANCOUNT", "@@SPID", "SESSION_NUMBER", "@@OPTIONS", "@@TEXTSIZE", "@@LOCK_TIMEOUT", "XACT_STATE"),
        *("@@VERSION", "@@SERVERNAME", "@@SERVICENAME", "@@LANGUAGE", "@@DATEFIRST", "@@MAX_PRECISION"),
        *("HOST_NAME", "APP_NAME"),
    }
)
"""The session's values that the firing statement announces (`firing.announce`)."""

_UPDATED = "@__updated_"


class TriggerContext(Context):
    """A statement of a trigger's body. Values come from plpgsql, so nothing is bound."""

    rows_come_back = False

    def __init__(self, catalog: Catalog, table: Table, trigger_id: int, variables: Mapping[str, SqlType]) -> None:
        super().__init__(catalog, table.database, variables)
        # Ownership chaining: what the table's owner owns is open to the trigger, whoever fires it.
        self.view = table
        self._table = table
        self._trigger_id = trigger_id

    def demands(self) -> str:
        """What whoever fires the trigger must have beyond its table's owner's things, as plpgsql."""
        return "".join(
            f"PERFORM sandbox.demand({text_literal(need.permission)}, {need.table.object_id});\n" for need in self.needs
        )

    @staticmethod
    def physical(variables: Mapping[str, SqlType], name: str) -> str:
        """The plpgsql variable that holds a T-SQL variable."""
        return f"sandbox_v{list(variables).index(name) + 1}"

    @staticmethod
    def updated(column_id: int) -> str:
        """The name, without @, that stands for UPDATE(column)."""
        return f"{_UPDATED[1:]}{column_id}"

    def variable(self, name: str) -> Expression:
        """A declared variable, or what `updated` names."""
        if name.startswith(_UPDATED):
            return Expression(self.bind(name, INT), INT, nullable=False)
        return super().variable(name)

    def bind(self, name: str, kind: SqlType) -> str:
        """The value's own text instead of a parameter."""
        return f"({self._text_of(name)})::{storage(kind)}"

    def _text_of(self, name: str) -> str:
        if name.startswith(_UPDATED):
            setting = text_literal(updated_setting(self._table, ())[0])
            column = name.removeprefix(_UPDATED)
            return f"CASE WHEN strpos(current_setting({setting}, true), ',{column},') > 0 THEN 1 ELSE 0 END"
        if name in self.variables:
            return f"sandbox_body.{self.physical(self.variables, name)}"
        known = {
            "@@ROWCOUNT": "sandbox_body.sandbox_rows",
            "@@NESTLEVEL": "pg_trigger_depth()",
            "@@PROCID": str(self._trigger_id),
            "DB_NAME": text_literal(self._table.database),
        }
        if name in known:
            return known[name]
        if name in FIRED_BY:
            return f"sandbox.fired_by({text_literal(name)})"
        raise not_supported(f"{name} in a trigger")


def pseudo_tables(table: Table, event: str) -> dict[str, str]:
    """`inserted` and `deleted` as PostgreSQL finds them; the one that an event does not fill is empty."""
    columns = f"(SELECT * FROM {table.qualified} WHERE false)"
    return {
        "inserted": "inserted" if event != "DELETE" else columns,
        "deleted": "deleted" if event != "INSERT" else columns,
    }


def updated_setting(table: Table, columns: Sequence[int]) -> tuple[str, str]:
    """The PostgreSQL setting, and its value, that say which columns an UPDATE's SET named: for UPDATE(column)."""
    return f"sandbox.updated_{table.object_id}", "".join(f",{column}" for column in columns) + ","
