"""OPENJSON: a JSON text as rows, with columns of its own (WITH) or as key, value and type.

PostgreSQL's json keeps every value as it is written, so that numbers convert from their own digits as in SQL Server.
https://learn.microsoft.com/sql/t-sql/functions/openjson-transact-sql
"""

from __future__ import annotations

from sqlglot import exp

from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation.context import Context
from etl.sandbox.translation.conversion import convert
from etl.sandbox.translation.expression import Expression, quote
from etl.sandbox.translation.json_functions import json_text
from etl.sandbox.translation.json_paths import JsonPath, path_argument
from etl.sandbox.translation.nodes import only
from etl.sandbox.translation.types import CAST_LENGTH, NVARCHAR_MAX, TINYINT, family, is_wide, parse_type

_NAME_BYTES = 63
"""How long a PostgreSQL name may be; longer keys are looked up one by one."""

_Columns = list[tuple[str, Expression]]


def open_json(context: Context, node: exp.Expr, physical: str) -> tuple[_Columns, str]:
    """The rows' columns through the alias `physical`, and PostgreSQL's source. Errors 13607 to 13625."""
    only(node, {"this", "path", "expressions"})
    document = f"sandbox.json_document({json_text(context, node.args['this'], 'openjson')})"
    given = node.args.get("path")
    if given:
        path = path_argument(given)
        document = f"sandbox.json_opened({path.from_root(document)}, {'true' if path.strict else 'false'})"
    if node.args.get("expressions"):
        return _with_columns(context, node.expressions, document, physical)
    columns: _Columns = [
        ("key", Expression(f"{physical}.key", SqlType("nvarchar", length=4000), nullable=False, name="key")),
        ("value", Expression(f"{physical}.value", NVARCHAR_MAX, name="value")),
        ("type", Expression(f"{physical}.type", TINYINT, nullable=False, name="type")),
    ]
    return columns, f"sandbox.json_items({document})"


def _with_columns(context: Context, nodes: list[exp.Expr], document: str, physical: str) -> tuple[_Columns, str]:
    row, record = context.alias(), context.alias()
    keys: dict[str, None] = {}
    columns: _Columns = []
    cells = []
    for position, node in enumerate(nodes, 1):
        only(node, {"this", "kind", "path", "as_json"})
        name, kind = node.args["this"].name, parse_type(str(node.args["kind"].args["kind"]), CAST_LENGTH)
        path = path_argument(node.args.get("path")) if node.args.get("path") else JsonPath((name,), strict=False)
        cell = _cell(_found(path, row, record, keys), kind, path, as_json=bool(node.args.get("as_json")))
        cells.append(f"{cell} AS c{position}")
        columns.append((name, Expression(f"{physical}.c{position}", kind, name=name)))
    source = f"sandbox.json_rows({document}) {row}(v)"
    if keys:
        shape = ", ".join(f"{quote(key)} json" for key in keys)
        source += f" CROSS JOIN LATERAL json_to_record(sandbox.json_object_of({row}.v)) {record}({shape})"
    return columns, f"(SELECT {', '.join(cells)} FROM {source})"


def _found(path: JsonPath, row: str, record: str, keys: dict[str, None]) -> str:
    """What a path leads to in a row. All first keys of a row are taken out of it together."""
    first = path.steps[0] if path.steps else ""
    if not first or first.isdigit() or len(first.encode()) > _NAME_BYTES:
        return path.from_root(f"{row}.v")
    keys[first] = None
    return path.below_first(f"{record}.{quote(first)}")


def _cell(found: str, kind: SqlType, path: JsonPath, *, as_json: bool) -> str:
    suffix = "_strict" if path.strict else ""
    if as_json:
        if kind != NVARCHAR_MAX:
            raise SqlServerError(
                13618,
                "AS JSON option can be specified only for column of nvarchar(max) type in WITH clause.",
                ends_batch=True,
            )
        return f"sandbox.json_fragment{suffix}({found})::citext"
    text = f"sandbox.json_plain{suffix}({found})"
    if family(kind) == "binary":
        return f"sandbox.json_bytes({text}, {-1 if kind.length is None else kind.length})"
    if family(kind) == "text" and kind.length is not None:
        text = f"sandbox.json_text_fit({text}, {kind.length}, {'true' if is_wide(kind) else 'false'})"
    if kind.name in {"text", "ntext", "image"}:
        raise not_supported(f"a column of type {kind} in OPENJSON")
    return convert(Expression(f"{text}::citext", NVARCHAR_MAX), kind, implicit=False).sql
