"""INSERT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from etl.sandbox.catalog import Column, Table
from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.outcomes import Command
from etl.sandbox.translation.context import Context
from etl.sandbox.translation.expression import quote
from etl.sandbox.translation.insert_rows import compile_rows
from etl.sandbox.translation.nodes import only
from etl.sandbox.translation.output_clause import output_of
from etl.sandbox.translation.plans import WritePlan, result_columns
from etl.sandbox.translation.query import compile_query, compile_with
from etl.sandbox.translation.storing import stored
from etl.sandbox.translation.targets import refuse_unwritable, target_table


def compile_insert(context: Context, node: exp.Expr, identity_insert: str | None) -> WritePlan:
    """INSERT … VALUES, SELECT or DEFAULT VALUES. `identity_insert` is the full name of the table with IDENTITY_INSERT ON."""
    only(node, {"this", "expression", "default", "returning", "with_"})
    prefix = compile_with(context, node)
    target = node.args["this"]
    names: list[str] | None = None
    if isinstance(target, exp.Schema):
        only(target, {"this", "expressions"})
        names = [item.name for item in target.expressions]
        target = target.args["this"]
    if not isinstance(target, exp.Table):
        raise not_supported(f"INSERT into {target.sql()}")
    only(target, {"this", "db", "catalog", "hints"})
    table = target_table(context, target)
    if context.scope.passing:
        raise not_supported("the table hint READPAST on the target of INSERT")
    explicit = identity_insert is not None and identity_insert == table.full_name.lower()
    columns = insert_columns(table, names, explicit)
    returning, output = output_of(context, node.args.get("returning"), table, "INSERT")
    body = _insert_body(context, node, table, columns, named=names is not None)
    place = (
        f" ({', '.join(quote(column.physical) for column in columns)})"
        if columns and not node.args.get("default")
        else ""
    )
    identity = table.identity
    returns_identity = "INSERT" in table.triggers and not returning and context.rows_come_back
    if identity is not None and returns_identity:
        returning = f" RETURNING {quote(identity.physical)}::numeric"
    context.need("INSERT", table)
    return WritePlan(
        f"{prefix}INSERT INTO {table.qualified}{place} {body}{returning}",
        tuple(context.binds),
        Command.INSERT,
        table,
        result_columns(output),
        sequence=identity.sequence if identity is not None else None,
        explicit_identity=explicit and identity in columns,
        returns_identity=returns_identity and identity is not None,
        locks=context.locks.statements(),
        held=context.held.statements(),
    )


def insert_columns(table: Table, names: Sequence[str] | None, explicit: bool) -> list[Column]:
    """The columns that an INSERT fills; `explicit` when IDENTITY_INSERT is ON. Errors 207, 264, 271, 273, 544, 545, 8101."""
    if names is None:
        if explicit:
            raise SqlServerError(
                8101,
                f"An explicit value for the identity column in table '{table.name}' can only be specified when a column"
                " list is used and IDENTITY_INSERT is ON.",
                ends_batch=True,
            )
        return [
            column
            for column in table.columns
            if not column.computed and not column.identity and column.type.name != "rowversion"
        ]
    columns = []
    for name in names:
        column = table.by_name.get(name.lower())
        if column is None:
            raise SqlServerError(207, f"Invalid column name '{name}'.", ends_batch=True)
        if column in columns:
            raise SqlServerError(
                264,
                f"The column name '{name}' is specified more than once in the SET clause or column list of an INSERT.",
                ends_batch=True,
            )
        _check_insertable(table, column, explicit)
        columns.append(column)
    if explicit and table.identity is not None and table.identity not in columns:
        raise SqlServerError(
            545,
            f"Explicit value must be specified for identity column in table '{table.name}' either when IDENTITY_INSERT"
            " is set to ON or when a replication user is inserting into a NOT FOR REPLICATION identity column.",
        )
    return columns


def _check_insertable(table: Table, column: Column, explicit: bool) -> None:
    refuse_unwritable(column)
    if column.identity and not explicit:
        raise SqlServerError(
            544,
            f"Cannot insert explicit value for identity column in table '{table.name}' when IDENTITY_INSERT is set to"
            " OFF.",
        )


def _refuse_count(columns: Sequence[Column], names: Sequence[str] | None, cells: int) -> None:
    if names is None and cells != len(columns):
        raise SqlServerError(
            213, "Column name or number of supplied values does not match table definition.", ends_batch=True
        )


def _insert_body(context: Context, node: exp.Expr, table: Table, columns: Sequence[Column], *, named: bool) -> str:
    if node.args.get("default"):
        return "DEFAULT VALUES"
    source = node.args.get("expression")
    if isinstance(source, exp.Values):
        only(source, {"expressions"})
        for row in source.expressions:
            _refuse_count(columns, [] if named else None, len(row.expressions))
        return compile_rows(context, source, table, columns)
    if source is None:
        raise SqlServerError(102, f"Incorrect syntax near '{table.name}'.", severity=15, ends_batch=True)
    with context.nested():
        context.scope.tables = dict(context.scope.outer.tables) if context.scope.outer else {}
        query = compile_query(context, source)
    _refuse_count(columns, [] if named else None, len(query.columns))
    _check_count(len(query.columns), len(columns), 120, 121, "select list", "SELECT")
    alias = context.alias()
    items = [replace(item, sql=f"{alias}.c{i}", literal=None, variable="") for i, item in enumerate(query.columns, 1)]
    return (
        f"SELECT {', '.join(stored(item, column, table) for item, column in zip(items, columns, strict=True))} FROM"
        f" ({query.sql}) {alias}"
    )


def _check_count(given: int, wanted: int, fewer: int, more: int, what: str, clause: str) -> None:
    if given == wanted:
        return
    number, order = (fewer, "fewer") if given < wanted else (more, "more")
    raise SqlServerError(
        number,
        f"The {what} for the INSERT statement contains {order} items than the insert list. The number of {clause}"
        " values must match the number of INSERT columns.",
        severity=15,
        ends_batch=True,
    )
