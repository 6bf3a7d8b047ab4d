"""FROM: tables, derived tables, joins and table hints."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from etl.sandbox.catalog import Table
from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.translation.batch import Statement, parse_batch
from etl.sandbox.translation.context import Context, Scope, Source, table_source
from etl.sandbox.translation.definitions import CreateView
from etl.sandbox.translation.expression import Expression
from etl.sandbox.translation.nodes import only, predicate

_HARMLESS_HINTS = frozenset(
    [
        "NOLOCK",
        "READUNCOMMITTED",
        "READCOMMITTED",
        "READCOMMITTEDLOCK",
        "ROWLOCK",
        "PAGLOCK",
        "NOEXPAND",
        "FORCESEEK",
        "FORCESCAN",
        "KEEPIDENTITY",
        "SNAPSHOT",
        "READPAST",
    ]
)
"""Hints that change no answer here: readers never block (row versions, as under READ_COMMITTED_SNAPSHOT), so there is nothing
to pass by, and they never see what is not committed."""
_LOCKING_HINTS = frozenset(["UPDLOCK", "XLOCK", "HOLDLOCK", "SERIALIZABLE", "REPEATABLEREAD", "TABLOCK", "TABLOCKX"])
_JOINS = {
    "": "JOIN",
    "INNER": "JOIN",
    "LEFT": "LEFT JOIN",
    "RIGHT": "RIGHT JOIN",
    "FULL": "FULL JOIN",
    "CROSS": "CROSS JOIN",
}


def compile_from(context: Context, node: exp.Expr) -> str:
    """` FROM …` of a SELECT, filling the current scope; empty without FROM."""
    clause = node.args.get("from_")
    if clause is None:
        return ""
    only(clause, {"this"})
    text = compile_source(context, clause.args["this"])
    for join in node.args.get("joins") or []:
        text += _join(context, join)
    return " FROM " + text


def compile_source(context: Context, node: exp.Expr) -> str:
    """One item of FROM with the joins that hang on it."""
    if isinstance(node, exp.Table):
        text = _table(context, node)
    elif isinstance(node, exp.Subquery):
        text = _derived(context, node)
    elif isinstance(node, exp.Values):
        text = _values(context, node)
    elif isinstance(node, exp.Paren):
        text = compile_source(context, node.args["this"])
    else:
        raise not_supported(f"{type(node).__name__.upper()} in FROM")
    for join in node.args.get("joins") or []:
        text += _join(context, join)
    return text


def _join(context: Context, join: exp.Expr) -> str:
    only(join, {"this", "side", "kind", "on", "hint", "method"})
    side, kind = (join.args.get("side") or "").upper(), (join.args.get("kind") or "").upper()
    if join.args.get("method"):
        raise not_supported(f"{join.args['method']} JOIN")
    inner = join.args["this"]
    if kind == "CROSS" and side == "" and isinstance(inner, exp.Lateral):
        raise not_supported("CROSS APPLY")
    if kind == "APPLY" or isinstance(inner, exp.Lateral):
        raise not_supported("APPLY")
    if kind not in {"", "INNER", "OUTER", "CROSS"} or side not in _JOINS:
        raise not_supported(f"{side} {kind} JOIN")
    before = len(context.scope.sources)
    text = compile_source(context, inner)
    on = join.args.get("on")
    if side in {"RIGHT", "FULL"}:
        _make_nullable(context.scope.sources[:before])
    if side in {"LEFT", "FULL"}:
        _make_nullable(context.scope.sources[before:])
    if kind == "CROSS" or (on is None and not side and kind == ""):
        return f" CROSS JOIN {text}"
    if on is None:
        raise SqlServerError(102, "Incorrect syntax near 'JOIN'.", severity=15, ends_batch=True)
    return f" {_JOINS[side]} {text} ON {predicate(context, on)}"


def _make_nullable(sources: list[Source]) -> None:
    for source in sources:
        source.columns = [(name, replace(column, nullable=True)) for name, column in source.columns]


def table_name(node: exp.Expr) -> list[str]:
    """The names of a table: one to three, `#t` with its mark."""
    if not isinstance(node.args.get("this"), exp.Identifier):
        raise not_supported(f"the table {node.sql()}")
    parts = [part.name for part in (node.args.get("catalog"), node.args.get("db")) if part is not None]
    name = node.args["this"]
    mark = "##" if name.args.get("global_") else "#" if name.args.get("temporary") else ""
    return [*parts, mark + name.name]


def _table(context: Context, node: exp.Expr) -> str:
    only(node, {"this", "db", "catalog", "alias", "joins", "hints"})
    if isinstance(node.args["this"], exp.Anonymous):
        return _function(context, node)
    parts = table_name(node)
    alias = node.args.get("alias")
    if alias is not None:
        only(alias, {"this"})
    words = hints(node)
    given = alias.name if alias is not None else None
    physical = context.alias()
    if len(parts) == 1:
        common = context.common_table(parts[0])
        if common is not None:
            columns = [(name, replace(column, sql=f"{physical}.{column.sql}")) for name, column in common.columns]
            _add(context, Source(given or parts[0], columns, physical=physical))
            return f"{common.physical} {physical}"
    table = context.find_table(parts)
    if table.kind == "V":
        return _view(context, table, given, physical)
    _lock(context, table, words)
    _add(context, table_source(table, given, physical))
    return f"{table.source} {physical}"


def _function(context: Context, node: exp.Expr) -> str:
    """A table-valued function. There is one: what a query's columns would be."""
    from etl.sandbox.translation.described import described_columns

    call = node.args["this"]
    name = ".".join(part.name for part in (node.args.get("db"), call) if part is not None).lower()
    alias = node.args.get("alias")
    if name != "sys.dm_exec_describe_first_result_set":
        raise not_supported(f"the table-valued function {name}")
    if len(call.expressions) != 3 or not isinstance(call.expressions[0], exp.Parameter):
        raise not_supported(f"{name} with other arguments than a variable, NULL and a number")
    # Not bound itself: what the statement gets is its description, and PostgreSQL takes no parameter that nothing uses.
    variable = context.declared("@" + call.expressions[0].name)
    physical = context.alias()
    columns, sql = described_columns(context, variable, physical)
    _add(context, Source(alias.name if alias is not None else call.name, columns, physical=physical))
    return f"{sql} {physical}"


def _view(context: Context, table: Table, alias: str | None, physical: str) -> str:
    """A view is its query, compiled where it is used."""
    from etl.sandbox.translation.ddl_parser import parse_definition
    from etl.sandbox.translation.parser import parse_statement
    from etl.sandbox.translation.query import compile_query

    statement = parse_batch(table.definition)[0]
    assert isinstance(statement, Statement)
    definition = parse_definition(statement)
    assert isinstance(definition, CreateView)
    outside, database = context.scope, context.database
    context.scope, context.database = Scope(), table.database
    try:
        query = compile_query(context, parse_statement(definition.query, definition.text))
    finally:
        context.scope, context.database = outside, database
    if len(query.columns) != len(table.columns):
        raise SqlServerError(
            4502,
            f"View or function '{table.name}' has more column names specified than columns defined.",
            ends_batch=True,
        )
    columns = [
        (
            known.name,
            replace(column, sql=f"{physical}.c{position}", name=known.name, literal=None, variable="", is_null=False),
        )
        for position, (known, column) in enumerate(zip(table.columns, query.columns, strict=True), 1)
    ]
    _add(context, Source(alias or table.name, columns, table, explicit_alias=alias is not None, physical=physical))
    return f"({query.sql}) {physical}"


def _add(context: Context, source: Source) -> None:
    for other in context.scope.sources:
        same_table = (
            source.table is not None
            and other.table is not None
            and source.table.schema.lower() != other.table.schema.lower()
        )
        if (
            other.alias.lower() == source.alias.lower()
            and source.alias
            and not (same_table and not source.explicit_alias and not other.explicit_alias)
        ):
            raise SqlServerError(
                1013,
                f'The objects "{source.alias}" and "{other.alias}" in the FROM clause have the same exposed names. Use'
                " correlation names to distinguish them.",
                ends_batch=True,
            )
    context.scope.sources.append(source)


def hints(node: exp.Expr) -> set[str]:
    """The words of WITH (…) behind a table. Unknown hints are refused."""
    found: set[str] = set()
    for group in node.args.get("hints") or []:
        if not isinstance(group, exp.WithTableHint):
            raise not_supported(f"the table hint {group.sql()}")
        for item in group.expressions:
            name = item.name.upper()
            if name == "INDEX":
                continue
            if name not in _HARMLESS_HINTS | _LOCKING_HINTS:
                raise not_supported(f"the table hint {name}")
            found.add(name)
    return found


def _lock(context: Context, table: Table, words: set[str]) -> None:
    """Hints that hold what is read. Row and range locks become a table lock: it excludes more, never less."""
    if table.kind != "U":
        return
    if words & {"TABLOCKX"} or (words & {"XLOCK"} and words & {"TABLOCK"}):
        context.locks[table.qualified] = "EXCLUSIVE"
    elif words & {"UPDLOCK", "XLOCK"}:
        context.locks[table.qualified] = "SHARE ROW EXCLUSIVE"
    elif words & {"HOLDLOCK", "SERIALIZABLE", "REPEATABLEREAD"}:
        context.locks[table.qualified] = "SHARE"


def _derived(context: Context, node: exp.Expr) -> str:
    from etl.sandbox.translation.query import compile_inner_query

    only(node, {"this", "alias", "joins"})
    alias = node.args.get("alias")
    if alias is None and isinstance(node.args["this"], exp.Table):
        return f"({compile_source(context, node.args['this'])})"
    if alias is None:
        raise SqlServerError(102, "Incorrect syntax near ')'.", severity=15, ends_batch=True)
    scope = context.scope
    with context.nested() as inner:
        # A derived table does not see its neighbours, only common tables and the queries around.
        inner.outer = scope.outer
        inner.tables = dict(scope.tables)
        query = compile_inner_query(context, node.args["this"])
    return _aliased(context, alias, query.sql, query.columns)


def _values(context: Context, node: exp.Expr) -> str:
    from etl.sandbox.translation.query import compile_query

    alias = node.args.get("alias")
    if alias is None:
        raise SqlServerError(102, "Incorrect syntax near ')'.", severity=15, ends_batch=True)
    with context.nested():
        query = compile_query(context, exp.Values(expressions=node.expressions))
    return _aliased(context, alias, query.sql, query.columns)


def _aliased(context: Context, alias: exp.Expr, sql: str, columns: list[Expression]) -> str:
    only(alias, {"this", "columns"})
    names = [column.name for column in alias.args.get("columns") or []]
    if names and len(names) != len(columns):
        raise SqlServerError(
            8158, f"'{alias.name}' has more columns than were specified in the column list.", ends_batch=True
        )
    names = names or [column.name for column in columns]
    for position, name in enumerate(names, 1):
        if not name:
            raise SqlServerError(
                8155, f"No column name was specified for column {position} of '{alias.name}'.", ends_batch=True
            )
    physical = context.alias()
    visible = [
        (
            name,
            replace(
                column,
                sql=f"{physical}.c{position}",
                name=name,
                literal=None,
                aggregate=False,
                variable="",
                is_null=False,
            ),
        )
        for position, (name, column) in enumerate(zip(names, columns, strict=True), 1)
    ]
    _add(context, Source(alias.name, visible, physical=physical))
    return f"({sql}) {physical}"
