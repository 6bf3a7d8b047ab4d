"""UPDATE and DELETE."""

from __future__ import annotations

from sqlglot import exp

from etl.sandbox.catalog import Column, Table
from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.outcomes import Command
from etl.sandbox.translation import locks
from etl.sandbox.translation.context import Context, Source, table_source
from etl.sandbox.translation.conversion import convert
from etl.sandbox.translation.expression import quote
from etl.sandbox.translation.insert_rows import is_default
from etl.sandbox.translation.nodes import only, predicate, value
from etl.sandbox.translation.output_clause import output_of
from etl.sandbox.translation.plans import WritePlan, result_columns
from etl.sandbox.translation.query import compile_with
from etl.sandbox.translation.sources import compile_source, table_name
from etl.sandbox.translation.storing import stored
from etl.sandbox.translation.targets import check_changeable, target_table
from etl.sandbox.translation.types import BIGINT


def compile_update(context: Context, node: exp.Expr) -> WritePlan:
    """UPDATE, with or without FROM and TOP."""
    only(node, {"this", "expressions", "from_", "where", "returning", "with_", "limit", "options"})
    prefix = compile_with(context, node)
    source, others, whole, conditions = _target_and_others(context, node.args["this"], node.args.get("from_"))
    table = source.table
    assert table is not None
    assignments = [_assignment(context, item, table) for item in node.expressions]
    columns = [column for column, _ in assignments]
    if len({column.id for column in columns}) != len(columns):
        raise SqlServerError(
            264,
            "The column name is specified more than once in the SET clause or column list of an INSERT. A column cannot"
            " be assigned more than one value in the same clause.",
            ends_batch=True,
        )
    assignments += [
        (column, "sandbox.next_rowversion()") for column in table.columns if column.type.name == "rowversion"
    ]
    condition = _condition(context, node, conditions)
    returning, output = output_of(context, node.args.get("returning"), table, "UPDATE")
    passing = _passes_locked_rows(context, source)
    if whole or passing or node.args.get("limit") is not None:
        values = ", ".join(f"{new} AS v{i}" for i, (_, new) in enumerate(assignments, 1) if new != "DEFAULT")
        sets = ", ".join(
            f"{quote(column.physical)} = {new if new == 'DEFAULT' else f'found.v{i}'}"
            for i, (column, new) in enumerate(assignments, 1)
        )
        tables = others if whole else _with_target(source, others)
        skip = " SKIP LOCKED" if passing else ""
        found = _places(context, node, source, tables, condition, ", " + values if values else "") + skip
        sql = (
            f"UPDATE {table.qualified} changed SET {sets} FROM ({found}) found WHERE changed.ctid ="
            f" found.place{returning}"
        )
    else:
        sets = ", ".join(f"{quote(column.physical)} = {new}" for column, new in assignments)
        tables = f" FROM {others}" if others else ""
        sql = f"UPDATE {table.qualified} {source.physical} SET {sets}{tables}{condition}{returning}"
    context.held.add(table, locks.UPDATE)
    context.need("UPDATE", table)
    return WritePlan(
        prefix + sql,
        tuple(context.binds),
        Command.UPDATE,
        table,
        result_columns(output),
        assigned=tuple(column.id for column in columns),
        locks=context.locks.statements(),
        held=context.held.statements(),
    )


def _passes_locked_rows(context: Context, source: Source) -> bool:
    """Whether rows that others have locked are left out. Hints on the rows of the other tables lock these tables."""
    scope = context.scope
    for lock in scope.row_locks:
        if lock.physical != source.physical:
            context.locks.add(lock.table, lock.table_mode)
    target = {"", source.physical}
    if scope.passing - target:
        raise not_supported("the table hint READPAST on a table that a change only reads")
    return bool(scope.passing & target)


def _condition(context: Context, node: exp.Expr, conditions: list[str]) -> str:
    where = node.args.get("where")
    if where is not None:
        conditions = [*conditions, predicate(context, where.args["this"])]
    return " WHERE " + " AND ".join(conditions) if conditions else ""


def _with_target(source: Source, others: str) -> str:
    assert source.table is not None
    return f"{source.table.qualified} {source.physical}" + (f", {others}" if others else "")


def _places(context: Context, node: exp.Expr, source: Source, tables: str, condition: str, values: str) -> str:
    """The query that finds and locks the rows to change: over an outer join, and with TOP, they are changed in place after."""
    limit = node.args.get("limit")
    most = f" LIMIT ({convert(value(context, limit), BIGINT).sql})" if limit is not None else ""
    return (
        f"SELECT {source.physical}.ctid AS place{values} FROM {tables}{condition}{most} FOR UPDATE OF {source.physical}"
    )


def _assignment(context: Context, item: exp.Expr, table: Table) -> tuple[Column, str]:
    if not isinstance(item, exp.EQ) or not isinstance(item.args["this"], exp.Column):
        raise not_supported(f"the assignment {item.sql()} in UPDATE")
    name = item.args["this"].name
    column = table.by_name.get(name.lower())
    if column is None:
        raise SqlServerError(207, f"Invalid column name '{name}'.", ends_batch=True)
    if column.computed:
        raise SqlServerError(
            271,
            f'The column "{column.name}" cannot be modified because it is either a computed column or is the result of'
            " a UNION operator.",
            ends_batch=True,
        )
    if column.identity:
        raise SqlServerError(8102, f"Cannot update identity column '{column.name}'.", ends_batch=True)
    if column.type.name == "rowversion":
        raise SqlServerError(272, "Cannot update a timestamp column.", ends_batch=True)
    new = item.args["expression"]
    return column, "DEFAULT" if is_default(new) else stored(value(context, new), column, table)


def compile_delete(context: Context, node: exp.Expr) -> WritePlan:
    """DELETE, with or without a second FROM and TOP."""
    only(node, {"this", "from_", "where", "returning", "with_", "limit", "options"})
    prefix = compile_with(context, node)
    source, others, whole, conditions = _target_and_others(context, node.args["this"], node.args.get("from_"))
    table = source.table
    assert table is not None
    condition = _condition(context, node, conditions)
    returning, output = output_of(context, node.args.get("returning"), table, "DELETE")
    passing = _passes_locked_rows(context, source)
    if whole or passing or node.args.get("limit") is not None:
        found = _places(context, node, source, others if whole else _with_target(source, others), condition, "")
        found += " SKIP LOCKED" if passing else ""
        sql = f"DELETE FROM {table.qualified} gone USING ({found}) found WHERE gone.ctid = found.place{returning}"
    else:
        using = f" USING {others}" if others else ""
        sql = f"DELETE FROM {table.qualified} {source.physical}{using}{condition}{returning}"
    context.held.add(table, locks.UPDATE)
    context.need("DELETE", table)
    return WritePlan(
        prefix + sql,
        tuple(context.binds),
        Command.DELETE,
        table,
        result_columns(output),
        locks=context.locks.statements(),
        held=context.held.statements(),
    )


def _target_and_others(
    context: Context, target: exp.Expr, from_node: exp.Expr | None
) -> tuple[Source, str, bool, list[str]]:
    """The source to change, the other tables of FROM, whether these are the whole FROM, and the join conditions.

    The others come as a list for inner joins. With an outer join they are the whole FROM, the target included, and the caller
    finds the rows by their place.
    """
    if not isinstance(target, exp.Table):
        raise not_supported(f"a change of {target.sql()}")
    only(target, {"this", "db", "catalog", "hints"})
    if from_node is None:
        table = target_table(context, target)
        source = table_source(table, None, context.alias())
        context.scope.sources = [source]
        return source, "", False, []
    first = from_node.args["this"]
    joins = first.args.get("joins") or []
    outer = any(join.args.get("side") for join in joins)
    if outer:
        text = compile_source(context, first)
        return _find_target(context, target), text, True, []
    texts, conditions = [], []
    for item, on in [(first, None), *((join.args["this"], join.args.get("on")) for join in joins)]:
        bare = item.copy()
        bare.set("joins", None)
        before = len(context.scope.sources)
        texts.append((compile_source(context, bare), context.scope.sources[before]))
        if on is not None:
            conditions.append(predicate(context, on))
    for join in joins:
        only(join, {"this", "on", "kind", "hint"})
    source = _find_target(context, target)
    others = ", ".join(text for text, found in texts if found is not source)
    return source, others, False, conditions


def _find_target(context: Context, target: exp.Expr) -> Source:
    parts = [part.lower() for part in table_name(target)]
    for source in context.scope.sources:
        if len(parts) == 1 and source.alias.lower() == parts[0] and source.table is not None:
            check_changeable(source.table)
            return source
    table = target_table(context, target)
    found = [
        source
        for source in context.scope.sources
        if source.table is not None and source.table.object_id == table.object_id
    ]
    if len(found) != 1:
        raise SqlServerError(8154, f"The table '{target.name}' is ambiguous.", ends_batch=True)
    return found[0]
