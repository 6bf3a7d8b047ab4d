"""FROM: tables, derived tables, joins and table hints."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from etl.sandbox.catalog import Table
from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.translation import locks
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
    if isinstance(inner, exp.Lateral):
        return _apply(context, inner)
    if kind not in {"", "INNER", "OUTER", "CROSS"} or side not in _JOINS:
        raise not_supported(f"{side} {kind} JOIN")
    before = len(context.scope.sources)
    text = compile_source(context, inner)
    on = join.args.get("on")
    if side in {"RIGHT", "FULL"}:
        _make_nullable(context, context.scope.sources[:before])
    if side in {"LEFT", "FULL"}:
        _make_nullable(context, context.scope.sources[before:])
    if kind == "CROSS" or (on is None and not side and kind == ""):
        return f" CROSS JOIN {text}"
    if on is None:
        raise SqlServerError(102, "Incorrect syntax near 'JOIN'.", severity=15, ends_batch=True)
    return f" {_JOINS[side]} {text} ON {predicate(context, on)}"


def _apply(context: Context, node: exp.Expr) -> str:
    """CROSS APPLY and OUTER APPLY of a table-valued function."""
    only(node, {"this", "alias", "cross_apply"})
    if not isinstance(node.args["this"], (exp.Anonymous, exp.OpenJSON)) or node.args.get("cross_apply") is None:
        raise not_supported("APPLY of anything but a table-valued function")
    before = len(context.scope.sources)
    text = _function(context, node, lateral="LATERAL ")
    if node.args["cross_apply"]:
        return f" CROSS JOIN {text}"
    _make_nullable(context, context.scope.sources[before:])
    return f" LEFT JOIN {text} ON true"


def _make_nullable(context: Context, sources: list[Source]) -> None:
    _lock_tables_instead(context, {source.physical for source in sources})
    for source in sources:
        source.columns = [(name, replace(column, nullable=True)) for name, column in source.columns]


def _lock_tables_instead(context: Context, optional: set[str]) -> None:
    """PostgreSQL locks no rows on the side of an outer join that may have none."""
    scope = context.scope
    for lock in scope.row_locks:
        if lock.physical in optional:
            context.locks.add(lock.table, lock.table_mode)
    scope.row_locks = [lock for lock in scope.row_locks if lock.physical not in optional]


def table_name(node: exp.Expr) -> list[str]:
    """The names of a table: one to three, `#t` with its mark."""
    if not isinstance(node.args.get("this"), exp.Identifier):
        raise not_supported(f"the table {node.sql()}")
    qualifiers = [part for part in (node.args.get("catalog"), node.args.get("db")) if part is not None]
    # The schema of `database..table` is an empty text.
    parts = [part.name if isinstance(part, exp.Identifier) else "" for part in qualifiers]
    name = node.args["this"]
    mark = "##" if name.args.get("global_") else "#" if name.args.get("temporary") else ""
    return [*parts, mark + name.name]


def _table(context: Context, node: exp.Expr) -> str:
    only(node, {"this", "db", "catalog", "alias", "joins", "hints"})
    if isinstance(node.args["this"], (exp.Anonymous, exp.OpenJSON)):
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
    context.need("SELECT", table)
    if table.kind == "V":
        if words & _LOCKING_HINTS:
            raise not_supported("a table hint that locks on a view")
        return _view(context, table, given, physical)
    _add(context, table_source(table, given, physical))
    _lock(context, context.scope.sources[-1], words)
    return f"{table.source} {physical}"


def _function(context: Context, node: exp.Expr, *, lateral: str = "") -> str:
    """A table-valued function; after APPLY (`lateral`) its arguments may be columns of what stands before it."""
    from etl.sandbox.translation.table_functions import table_function

    physical = context.alias()
    name, columns, sql = table_function(context, node, physical)
    alias = node.args.get("alias")
    if alias is None:
        _add(context, Source(name, columns, physical=physical))
    else:
        only(alias, {"this", "columns"})
        columns = _renamed(alias, columns)
        _add(context, Source(alias.name, columns, physical=physical))
    return f"{lateral}{sql} {physical}"


def _renamed(alias: exp.Expr, columns: list[tuple[str, Expression]]) -> list[tuple[str, Expression]]:
    names = [column.name for column in alias.args.get("columns") or []]
    if names and len(names) != len(columns):
        raise SqlServerError(
            8158, f"'{alias.name}' has more columns than were specified in the column list.", ends_batch=True
        )
    return [(name, column) for name, (_, column) in zip(names, columns, strict=True)] if names else columns


def _view(context: Context, table: Table, alias: str | None, physical: str) -> str:
    """A view is its query, compiled where it is used."""
    from etl.sandbox.translation.ddl_parser import parse_definition
    from etl.sandbox.translation.parser import parse_statement
    from etl.sandbox.translation.query import compile_query

    statement = parse_batch(table.definition)[0]
    assert isinstance(statement, Statement)
    definition = parse_definition(statement)
    assert isinstance(definition, CreateView)
    outside, database, view = context.scope, context.database, context.view
    context.scope, context.database, context.view = Scope(), table.database, table
    try:
        query = compile_query(context, parse_statement(definition.query, definition.text))
    finally:
        context.scope, context.database, context.view = outside, database, view
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


def _lock(context: Context, source: Source, words: set[str]) -> None:
    """Hints that hold what is read, and what the stricter isolation levels hold."""
    table = source.table
    if table is None or table.kind != "U":
        return
    if not words & {"NOLOCK", "READUNCOMMITTED", "READCOMMITTED", "READCOMMITTEDLOCK"}:
        context.held.add(table, locks.SHARE)
    if "READPAST" in words:
        context.scope.passing.add(source.physical)
    lock = locks.read_lock(table, words, source.physical, context.locks)
    if lock is not None:
        context.scope.row_locks.append(lock)


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
