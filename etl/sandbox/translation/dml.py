"""INSERT, UPDATE, DELETE and TRUNCATE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from etl.sandbox.catalog import Column, Table
from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.outcomes import Command
from etl.sandbox.translation.context import Context, Source, column_expression, table_source
from etl.sandbox.translation.conversion import convert
from etl.sandbox.translation.expression import Expression, quote
from etl.sandbox.translation.nodes import only, predicate, value
from etl.sandbox.translation.plans import WritePlan, result_columns
from etl.sandbox.translation.query import compile_query, compile_with
from etl.sandbox.translation.sources import compile_source, hints, table_name
from etl.sandbox.translation.storing import stored
from etl.sandbox.translation.types import BIGINT


def target_table(context: Context, node: exp.Expr) -> Table:
    """The table that a statement changes. Views and system views are refused."""
    table = context.find_table(table_name(node))
    if table.kind == "S":
        raise SqlServerError(259, "Ad hoc updates to system catalogs are not allowed.", ends_batch=True)
    if table.kind == "V":
        raise not_supported(f"a change of the view {table.name}")
    _lock(context, table, hints(node))
    return table


def _lock(context: Context, table: Table, words: set[str]) -> None:
    if "READPAST" in words:
        raise not_supported("the table hint READPAST on a table")
    if words & {"TABLOCK", "TABLOCKX"}:
        context.locks[table.qualified] = "EXCLUSIVE"
    elif words & {"HOLDLOCK", "SERIALIZABLE"}:
        context.locks[table.qualified] = "SHARE ROW EXCLUSIVE"


# INSERT


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
    explicit = identity_insert is not None and identity_insert == table.full_name.lower()
    columns = insert_columns(table, names, explicit)
    returning, output = _returning(context, node.args.get("returning"), table, "INSERT")
    body = _insert_body(context, node, table, columns, named=names is not None)
    place = (
        f" ({', '.join(quote(column.physical) for column in columns)})"
        if columns and not node.args.get("default")
        else ""
    )
    identity = table.identity
    return WritePlan(
        f"{prefix}INSERT INTO {table.qualified}{place} {body}{returning}",
        tuple(context.binds),
        Command.INSERT,
        table,
        result_columns(output),
        sequence=identity.sequence if identity is not None else None,
        explicit_identity=explicit and identity in columns,
        locks=context.lock_statements(),
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
    if column.computed:
        raise SqlServerError(
            271,
            f'The column "{column.name}" cannot be modified because it is either a computed column or is the result of'
            " a UNION operator.",
            ends_batch=True,
        )
    if column.type.name == "rowversion":
        raise SqlServerError(
            273,
            "Cannot insert an explicit value into a timestamp column. Use INSERT with a column list to exclude the"
            " timestamp column, or insert a DEFAULT into the timestamp column.",
            ends_batch=True,
        )
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
        return "VALUES " + ", ".join(_insert_row(context, row, table, columns) for row in source.expressions)
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


def _insert_row(context: Context, row: exp.Expr, table: Table, columns: Sequence[Column]) -> str:
    cells = row.expressions if isinstance(row, exp.Tuple) else [row.args["this"]]
    if len(cells) != len(columns):
        if len(columns) > len(cells):
            message = (
                "There are more columns in the INSERT statement than values specified in the VALUES clause. The number"
                " of values in the VALUES clause must match the number of columns specified in the INSERT statement."
            )
            raise SqlServerError(109, message, severity=15, ends_batch=True)
        message = (
            "There are fewer columns in the INSERT statement than values specified in the VALUES clause. The number of"
            " values in the VALUES clause must match the number of columns specified in the INSERT statement."
        )
        raise SqlServerError(110, message, severity=15, ends_batch=True)
    return (
        "("
        + ", ".join(_insert_cell(context, cell, table, column) for cell, column in zip(cells, columns, strict=True))
        + ")"
    )


def _insert_cell(context: Context, cell: exp.Expr, table: Table, column: Column) -> str:
    if _is_default(cell):
        return "DEFAULT"
    return stored(value(context, cell), column, table)


def _is_default(node: exp.Expr) -> bool:
    if isinstance(node, exp.Var):
        return node.name.upper() == "DEFAULT"
    return (
        isinstance(node, exp.Column)
        and isinstance(node.this, exp.Identifier)
        and not node.this.args.get("quoted")
        and node.name.upper() == "DEFAULT"
    )


# OUTPUT


def _returning(context: Context, node: exp.Expr | None, table: Table, statement: str) -> tuple[str, list[Expression]]:
    """` RETURNING …` for OUTPUT, and its columns."""
    if node is None:
        return "", []
    only(node, {"expressions"})
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
            elif isinstance(item, exp.Alias):
                items.append(replace(value(context, item.args["this"]), name=item.alias))
            else:
                items.append(value(context, item))
    return " RETURNING " + ", ".join(item.sql for item in items), items


def _output_source(table: Table, alias: str, physical: str) -> Source:
    return Source(alias, [(column.name, column_expression(column, physical)) for column in table.columns], table)


# UPDATE and DELETE


def compile_update(context: Context, node: exp.Expr) -> WritePlan:
    """UPDATE, with or without FROM and TOP."""
    only(node, {"this", "expressions", "from_", "where", "returning", "with_", "limit", "options"})
    prefix = compile_with(context, node)
    source, others, conditions = _target_and_others(context, node.args["this"], node.args.get("from_"))
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
    returning, output = _returning(context, node.args.get("returning"), table, "UPDATE")
    if _by_place(node, others):
        values = ", ".join(f"{new} AS v{i}" for i, (_, new) in enumerate(assignments, 1) if new != "DEFAULT")
        sets = ", ".join(
            f"{quote(column.physical)} = {new if new == 'DEFAULT' else f'found.v{i}'}"
            for i, (column, new) in enumerate(assignments, 1)
        )
        found = _places(context, node, source, others, condition, ", " + values if values else "")
        sql = (
            f"UPDATE {table.qualified} changed SET {sets} FROM ({found}) found WHERE changed.ctid ="
            f" found.place{returning}"
        )
    else:
        sets = ", ".join(f"{quote(column.physical)} = {new}" for column, new in assignments)
        tables = f" FROM {others}" if others else ""
        sql = f"UPDATE {table.qualified} {source.physical} SET {sets}{tables}{condition}{returning}"
    return WritePlan(
        prefix + sql,
        tuple(context.binds),
        Command.UPDATE,
        table,
        result_columns(output),
        locks=context.lock_statements(),
    )


def _condition(context: Context, node: exp.Expr, conditions: list[str]) -> str:
    where = node.args.get("where")
    if where is not None:
        conditions = [*conditions, predicate(context, where.args["this"])]
    return " WHERE " + " AND ".join(conditions) if conditions else ""


def _by_place(node: exp.Expr, others: str) -> bool:
    """Whether the rows are to be found and locked first, then changed where they are: over an outer join, and with TOP."""
    return others.startswith("(") or node.args.get("limit") is not None


def _places(context: Context, node: exp.Expr, source: Source, others: str, condition: str, values: str) -> str:
    """The query that finds and locks the rows to change."""
    table = source.table
    assert table is not None
    limit = node.args.get("limit")
    most = f" LIMIT ({convert(value(context, limit), BIGINT).sql})" if limit is not None else ""
    if not others.startswith("("):
        others = f"{table.qualified} {source.physical}" + (f", {others}" if others else "")
    return (
        f"SELECT {source.physical}.ctid AS place{values} FROM {others}{condition}{most} FOR UPDATE OF {source.physical}"
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
    return column, "DEFAULT" if _is_default(new) else stored(value(context, new), column, table)


def compile_delete(context: Context, node: exp.Expr) -> WritePlan:
    """DELETE, with or without a second FROM and TOP."""
    only(node, {"this", "from_", "where", "returning", "with_", "limit", "options"})
    prefix = compile_with(context, node)
    source, others, conditions = _target_and_others(context, node.args["this"], node.args.get("from_"))
    table = source.table
    assert table is not None
    condition = _condition(context, node, conditions)
    returning, output = _returning(context, node.args.get("returning"), table, "DELETE")
    if _by_place(node, others):
        found = _places(context, node, source, others, condition, "")
        sql = f"DELETE FROM {table.qualified} gone USING ({found}) found WHERE gone.ctid = found.place{returning}"
    else:
        using = f" USING {others}" if others else ""
        sql = f"DELETE FROM {table.qualified} {source.physical}{using}{condition}{returning}"
    return WritePlan(
        prefix + sql,
        tuple(context.binds),
        Command.DELETE,
        table,
        result_columns(output),
        locks=context.lock_statements(),
    )


def _target_and_others(context: Context, target: exp.Expr, from_node: exp.Expr | None) -> tuple[Source, str, list[str]]:
    """The source to change, the other tables of FROM, and the join conditions.

    The others come as a list for inner joins. With an outer join they are the whole FROM in parentheses, the target
    included, and the caller finds the rows by their place.
    """
    if not isinstance(target, exp.Table):
        raise not_supported(f"a change of {target.sql()}")
    only(target, {"this", "db", "catalog", "hints"})
    if from_node is None:
        table = target_table(context, target)
        source = table_source(table, None, context.alias())
        context.scope.sources = [source]
        return source, "", []
    first = from_node.args["this"]
    joins = first.args.get("joins") or []
    outer = any(join.args.get("side") for join in joins)
    if outer:
        text = compile_source(context, first)
        return _find_target(context, target), f"({text})" if not text.startswith("(") else text, []
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
    return source, others, conditions


def _find_target(context: Context, target: exp.Expr) -> Source:
    parts = [part.lower() for part in table_name(target)]
    for source in context.scope.sources:
        if len(parts) == 1 and source.alias.lower() == parts[0] and source.table is not None:
            _check_changeable(source.table)
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


def _check_changeable(table: Table) -> None:
    if table.kind != "U":
        raise not_supported(f"a change of the view {table.name}")
