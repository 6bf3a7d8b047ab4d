"""Functions over numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation.context import Context
from etl.sandbox.translation.conversion import convert
from etl.sandbox.translation.expression import Expression
from etl.sandbox.translation.functions import function, integer
from etl.sandbox.translation.nodes import value
from etl.sandbox.translation.types import BIGINT, FLOAT, INT, MONEY, family, storage


def number(context: Context, node: exp.Expr) -> Expression:  # noqa: PLR0911 - one line a type
    """An argument as a number in the type that arithmetic functions answer in."""
    given = value(context, node)
    kind = family(given.type)
    if given.is_null:
        return convert(given, INT)
    if kind == "text":
        return convert(given, FLOAT)
    if kind == "bit":
        return convert(given, FLOAT)
    if given.type.name in {"tinyint", "smallint"}:
        return convert(given, INT)
    if given.type.name == "real":
        return convert(given, FLOAT)
    if given.type.name == "smallmoney":
        return convert(given, MONEY)
    if kind not in {"int", "float", "decimal", "money"}:
        raise SqlServerError(
            8116,
            f"Argument data type {given.type.name} is invalid for argument 1 of a numeric function.",
            ends_batch=True,
        )
    return given


def _same_type(name: str, postgres: str, scale_zero: bool = False) -> None:
    @function(name, 1)
    def _handler(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
        item = number(context, arguments[0])
        kind = item.type
        if scale_zero and kind.name == "decimal":
            kind = SqlType("decimal", precision=kind.precision, scale=0)
        if scale_zero and family(kind) == "int":
            return item
        return replace(item, sql=f"{postgres}({item.sql})::{storage(kind)}", type=kind, literal=None)


_same_type("ABS", "abs")
_same_type("CEILING", "ceil", scale_zero=True)
_same_type("FLOOR", "floor", scale_zero=True)
_same_type("SIGN", "sign")


@function("ROUND", 2, 3)
def _round(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    item, digits = number(context, arguments[0]), integer(context, arguments[1])
    call = "round"
    if len(arguments) == 3:
        mode = integer(context, arguments[2])
        call = "trunc" if isinstance(mode.literal, int) and mode.literal != 0 else "round"
    inner = (
        f"{call}(sandbox.exact({item.sql}), {digits.sql})"
        if family(item.type) == "float"
        else f"{call}(({item.sql})::numeric, {digits.sql})"
    )
    kind = item.type
    target = f"numeric({kind.precision},{kind.scale})" if kind.name == "decimal" else storage(kind)
    return replace(item, sql=f"({inner})::{target}", literal=None)


@function("POWER", 2)
def _power(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    base, exponent = number(context, arguments[0]), convert(value(context, arguments[1]), FLOAT)
    raised = f"power(({base.sql})::float8, {exponent.sql})"
    result = Expression(raised, FLOAT)
    return result if base.type == FLOAT else convert(result, base.type, implicit=False)


@function("SQUARE", 1)
def _square(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    item = convert(value(context, arguments[0]), FLOAT)
    return Expression(f"power({item.sql}, 2)", FLOAT, nullable=item.nullable)


def _float_function(name: str, postgres: str) -> None:
    @function(name, 1)
    def _handler(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
        item = convert(value(context, arguments[0]), FLOAT)
        return Expression(f"{postgres}({item.sql})", FLOAT, nullable=item.nullable)


for _name, _postgres in {
    **{
        name: name.lower()
        for name in ("SQRT", "EXP", "SIN", "COS", "TAN", "ASIN", "ACOS", "ATAN", "COT", "DEGREES", "RADIANS")
    },
    "LOG10": "log",
}.items():
    _float_function(_name, _postgres)


@function("LOG", 1, 2)
def _log(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    item = convert(value(context, arguments[0]), FLOAT)
    if len(arguments) == 1:
        return Expression(f"ln({item.sql})", FLOAT)
    base = convert(value(context, arguments[1]), FLOAT)
    return Expression(f"(ln({item.sql}) / ln({base.sql}))", FLOAT)


@function("PI", 0)
def _pi(_context: Context, _arguments: Sequence[exp.Expr]) -> Expression:
    return Expression("pi()", FLOAT, nullable=False)


@function("RAND", 0)
def _rand(_context: Context, _arguments: Sequence[exp.Expr]) -> Expression:
    return Expression("random()", FLOAT, nullable=False)


@function("CHECKSUM", 1)
def _checksum(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    """CHECKSUM of one whole number is the number; SQL Server's function over other types is not published."""
    item = value(context, arguments[0])
    if item.type.name in {"bit", "tinyint", "smallint", "int"}:
        return convert(item, INT)
    raise not_supported(f"CHECKSUM of {item.type.name}")


@function("ROWCOUNT_BIG", 0)
def _rowcount_big(context: Context, _arguments: Sequence[exp.Expr]) -> Expression:
    return Expression(f"({context.bind('@@ROWCOUNT', INT)})::int8", BIGINT)
