"""OUTPUT: the columns that a change sends back."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from etl.sandbox.catalog import Table
from etl.sandbox.errors import SqlServerError
from etl.sandbox.translation.context import Context, Source, column_expression
from etl.sandbox.translation.expression import Expression
from etl.sandbox.translation.nodes import only, value


def output_of(context: Context, node: exp.Expr | None, table: Table, statement: str) -> tuple[str, list[Expression]]:
    """` RETURNING …` for OUTPUT, and its columns."""
    if node is None:
        return "", []
    only(node, {"expressions"})
    if statement in table.triggers:
        raise SqlServerError(
            334,
            f"The target table '{table.name}' of the DML statement cannot have any enabled triggers if the statement"
            " contains an OUTPUT clause without INTO clause.",
            ends_batch=True,
        )
    sources = []
    if statement != "DELETE":
        sources.append(_output_source(table, "inserted", "new"))
    if statement != "INSERT":
        sources.append(_output_source(table, "deleted", "old"))
    with context.nested() as scope:
        scope.outer = None
        scope.sources = sources
        items: list[Expression] = []
        for item in node.expressions:
            if isinstance(item, exp.Column) and isinstance(item.args["this"], exp.Star):
                source = next((source for source in sources if source.alias == item.args["table"].name.lower()), None)
                if source is None:
                    raise SqlServerError(
                        107,
                        f"The column prefix '{item.args['table'].name}' does not match with a table name or alias name"
                        " used in the query.",
                        severity=15,
                        ends_batch=True,
                    )
                items += [column for _, column in source.columns]
                context.need("SELECT", table)
            elif isinstance(item, exp.Alias):
                items.append(replace(value(context, item.args["this"]), name=item.alias))
            else:
                items.append(value(context, item))
    return " RETURNING " + ", ".join(item.sql for item in items), items


def _output_source(table: Table, alias: str, physical: str) -> Source:
    return Source(alias, [(column.name, column_expression(column, physical)) for column in table.columns], table)
