"""Arithmetic, concatenation and comparison with SQL Server's types."""

from __future__ import annotations

from dataclasses import replace

from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation.conversion import convert, shown
from etl.sandbox.translation.expression import Expression, text_literal
from etl.sandbox.translation.text_comparison import compare_texts, without_blanks
from etl.sandbox.translation.types import (
    DATETIME,
    DATETIME2,
    INT,
    as_decimal,
    common_type,
    concat_type,
    decimal_result,
    family,
    is_case_sensitive,
    precedence,
    storage,
)

_NAMES = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "%": "modulo"}
_NUMBERS = {"bit", "int", "decimal", "money", "float"}


def arithmetic(operator: str, left: Expression, right: Expression) -> Expression:
    """`left operator right` for + - * / %."""
    if left.is_null and right.is_null:
        return convert(left, INT).unnamed()
    left, right = _typed_null(left, right), _typed_null(right, left)
    families = family(left.type), family(right.type)
    if operator == "+" and families[0] == families[1] and families[0] in {"text", "binary"}:
        return _concatenate(left, right)
    if "stamp" in families:
        return _day_arithmetic(operator, left, right)
    if "text" in families:
        left, right = _text_as_number(left, right), _text_as_number(right, left)
        families = family(left.type), family(right.type)
    for side in (left, right):
        if family(side.type) not in _NUMBERS:
            raise _clash(operator, left, right)
    return _numbers(operator, left, right)


def _typed_null(value: Expression, other: Expression) -> Expression:
    return convert(value, other.type) if value.is_null else value


def _text_as_number(value: Expression, other: Expression) -> Expression:
    return convert(value, other.type) if family(value.type) == "text" and family(other.type) != "text" else value


def _clash(operator: str, left: Expression, right: Expression) -> SqlServerError:
    if left.type.name != right.type.name and {family(left.type), family(right.type)} & {"date", "time", "offset"}:
        return SqlServerError(
            206, f"Operand type clash: {left.type.name} is incompatible with {right.type.name}", ends_batch=True
        )
    return SqlServerError(
        8117, f"Operand data type {left.type.name} is invalid for {_NAMES[operator]} operator.", ends_batch=True
    )


def _concatenate(left: Expression, right: Expression) -> Expression:
    kind = concat_type(left.type, right.type)
    nullable = left.nullable or right.nullable
    if family(kind) == "binary":
        return Expression(f"({left.sql} || {right.sql})", kind, nullable=nullable)
    collation = merged_collation(left, right)
    sql = f"(({shown(left).sql})::text || ({shown(right).sql})::text)::{storage(kind, collation)}"
    return Expression(sql, kind, nullable=nullable, collation=collation, aggregate=left.aggregate or right.aggregate)


def _day_arithmetic(operator: str, left: Expression, right: Expression) -> Expression:
    if operator not in "+-" or "datetime2" in {left.type.name, right.type.name}:
        raise _clash(operator, left, right)
    a, b = convert(left, DATETIME, implicit=False), convert(right, DATETIME, implicit=False)
    moved = f"({a.sql} {operator} ({b.sql} - sandbox.stamp_of(date '1900-01-01')))::sandbox.stamp"
    sql = f"sandbox.datetime_fit({moved}, 'datetime', true, 'expression')"
    return Expression(sql, DATETIME, nullable=left.nullable or right.nullable)


def _numbers(operator: str, left: Expression, right: Expression) -> Expression:
    nullable, aggregate = left.nullable or right.nullable, left.aggregate or right.aggregate
    high = left.type if precedence(left.type) >= precedence(right.type) else right.type
    kind = family(high)
    if kind == "bit":
        raise SqlServerError(
            402, f"The data types bit and bit are incompatible in the {_NAMES[operator]} operator.", ends_batch=True
        )
    if kind == "decimal":
        sql, high = _decimals(operator, left, right)
    elif kind == "float":
        if operator == "%":
            raise SqlServerError(
                402,
                f"The data types {left.type.name} and {right.type.name} are incompatible in the modulo operator.",
                ends_batch=True,
            )
        sql = f"({convert(left, high).sql} {operator} {convert(right, high).sql})"
    elif kind == "money":
        sql = (
            f"sandbox.money_fit(({convert(left, high).sql} {operator} {convert(right, high).sql}), '{high.name}', true,"
            " 'expression')"
        )
        if operator == "/":
            sql = f"trunc(round({convert(left, high).sql}, 10) / {convert(right, high).sql}, 4)"
    else:
        sql = _integers(operator, left, right, high)
    return Expression(sql, high, nullable=nullable, aggregate=aggregate)


def _integers(operator: str, left: Expression, right: Expression, kind: SqlType) -> str:
    if kind.name == "tinyint":
        inner = f"(({left.sql})::int4 {operator} ({right.sql})::int4)"
        return f"sandbox.int_from_number({inner}::numeric, 'tinyint', true, 'expression')::int2"
    return f"({convert(left, kind).sql} {operator} {convert(right, kind).sql})"


def _decimals(operator: str, left: Expression, right: Expression) -> tuple[str, SqlType]:
    a, b = as_decimal(left.type), as_decimal(right.type)
    assert a is not None
    assert b is not None
    kind = decimal_result(operator, a, b)
    x, y = _exact(left), _exact(right)
    # SQL Server cuts a quotient at its scale; PostgreSQL rounds at a scale of its own choice, so give it digits to spare.
    quotient = f"trunc(round({x}, {(kind.scale or 0) + 4}) / {y}, {kind.scale})"
    inner = quotient if operator == "/" else f"({x} {operator} {y})"
    return f"({inner})::numeric({kind.precision},{kind.scale})", kind


def _exact(value: Expression) -> str:
    if family(value.type) == "bit":
        return f"(({value.sql})::int4)::numeric"
    return f"({value.sql})::numeric"


def bitwise(operator: str, left: Expression, right: Expression) -> Expression:
    """`&`, `|`, `^` (PostgreSQL's `#`) over whole numbers."""
    left, right = _typed_null(left, right), _typed_null(right, left)
    kind = common_type([left.type, right.type])
    if family(kind) not in {"int", "bit"}:
        raise SqlServerError(
            402,
            f"The data types {left.type.name} and {right.type.name} are incompatible in the '{operator}' operator.",
            ends_batch=True,
        )
    postgres = "#" if operator == "^" else operator
    if kind.name == "bit":
        sql = f"((({left.sql})::int4 {postgres} ({right.sql})::int4) <> 0)"
    else:
        sql = f"({convert(left, kind).sql} {postgres} {convert(right, kind).sql})"
    return Expression(sql, kind, nullable=left.nullable or right.nullable)


def negate(value: Expression) -> Expression:
    """`-value`."""
    if value.literal is not None and isinstance(value.literal, int):
        return replace(value, sql=f"(-{value.sql})", literal=-value.literal).unnamed()
    if family(value.type) not in {"int", "decimal", "money", "float"}:
        raise SqlServerError(
            8117, f"Operand data type {value.type.name} is invalid for minus operator.", ends_batch=True
        )
    kind = value.type
    if kind.name == "tinyint":
        kind = SqlType("smallint")
    return replace(value, sql=f"(-({value.sql}))", type=kind, literal=None).unnamed()


def comparable(left: Expression, right: Expression) -> tuple[str, str]:  # noqa: PLR0911 - one line a pair of types
    """Two operands in one PostgreSQL type, converted as SQL Server would convert them."""
    left, right = _typed_null(left, right), _typed_null(right, left)
    if left.is_null and right.is_null:
        return "NULL::int4", "NULL::int4"
    a, b = family(left.type), family(right.type)
    if "xml" in {a, b}:
        raise SqlServerError(
            305,
            "The xml data type cannot be compared or sorted, except when using the IS NULL operator.",
            ends_batch=True,
        )
    if a == b == "text":
        return _texts(left, right)
    if a in _NUMBERS and b in _NUMBERS:
        if a == "bit" and b == "bit":
            return left.sql, right.sql
        return _number(left), _number(right)
    if a == b == "binary":
        return _padded_bytes(left, right)
    if a == b == "stamp" and "datetime2" in {left.type.name, right.type.name}:
        return convert(left, DATETIME2).sql, convert(right, DATETIME2).sql
    if a == b and a in {"date", "time", "stamp", "offset", "guid"}:
        return left.sql, right.sql
    kind = left.type if precedence(left.type) >= precedence(right.type) else right.type
    if {a, b} <= {"date", "time", "stamp", "offset"}:
        kind = common_type([left.type, right.type])
    if "text" in {a, b} and kind.name == "decimal":
        kind = SqlType("decimal", precision=38, scale=kind.scale)
    return convert(left, kind).sql, convert(right, kind).sql


def compare(left: Expression, operator: str, right: Expression) -> str:
    """The condition `left operator right` (`=`, `<>`, `<`, `<=`, `>`, `>=`)."""
    left, right = _typed_null(left, right), _typed_null(right, left)
    if family(left.type) == family(right.type) == "text":
        return compare_texts(left, operator, right, _compared_as(left, right))
    a, b = comparable(left, right)
    return f"({a} {operator} {b})"


def _padded_bytes(left: Expression, right: Expression) -> tuple[str, str]:
    """Trailing zeros do not count (https://dba.stackexchange.com/q/48660). A fixed side stays plain, so an index serves."""
    for width in (_fixed_bytes(left.type), _fixed_bytes(right.type)):
        if width is not None:
            return _as_wide(left, width), _as_wide(right, width)
    return f"rtrim({left.sql}, '\\x00'::bytea)", f"rtrim({right.sql}, '\\x00'::bytea)"


def _fixed_bytes(kind: SqlType) -> int | None:
    return 8 if kind.name == "rowversion" else kind.length if kind.name == "binary" else None


def _as_wide(value: Expression, width: int) -> str:
    return value.sql if _fixed_bytes(value.type) == width else f"sandbox.bytes_compared({value.sql}, {width})"


def _number(value: Expression) -> str:
    return f"({value.sql})::int4" if family(value.type) == "bit" else value.sql


def _texts(left: Expression, right: Expression) -> tuple[str, str]:
    kind = _compared_as(left, right)
    return without_blanks(left, kind), without_blanks(right, kind)


def _compared_as(left: Expression, right: Expression) -> str:
    collation = merged_collation(left, right)
    return "text" if collation is not None and is_case_sensitive(collation) else "citext"


def merged_collation(*values: Expression) -> str | None:
    """The collation of an operation over texts. Error 468 when two are named and differ."""
    named = {value.collation.lower(): value.collation for value in values if value.collation is not None}
    if len(named) > 1 and len({is_case_sensitive(name) for name in named}) > 1:
        first, second = list(named.values())[:2]
        raise SqlServerError(
            468,
            f'Cannot resolve the collation conflict between "{first}" and "{second}" in the equal to operation.',
            ends_batch=True,
        )
    return next(iter(named.values()), None)


def collate(value: Expression, collation: str) -> Expression:
    """`value COLLATE collation`."""
    if family(value.type) != "text":
        raise SqlServerError(447, f"Expression type {value.type.name} is invalid for COLLATE clause.", ends_batch=True)
    kind = "text" if is_case_sensitive(collation) else "citext"
    named = None if collation.lower() == "database_default" else collation
    return replace(value.unnamed(), sql=f"({value.sql})::{kind}", collation=named)


def like(value: Expression, pattern: Expression, escape: Expression | None) -> str:
    """`value LIKE pattern [ESCAPE escape]` as a PostgreSQL predicate."""
    for side in (value, pattern):
        if family(side.type) in {"binary", "xml"} and not side.is_null:
            raise not_supported(f"LIKE over {side.type.name}")
    text, wanted = (
        side if family(side.type) == "text" else convert(side, SqlType("nvarchar", length=4000))
        for side in (value, pattern)
    )
    collation = merged_collation(text, wanted)
    sensitive = collation is not None and is_case_sensitive(collation)
    kind = "text" if sensitive else "citext"
    subject = f"({shown(text).sql})::{kind}"
    if escape is None and isinstance(wanted.literal, str) and "[" not in wanted.literal:
        plain = wanted.literal.replace("\\", "\\\\")
        return f"({subject} LIKE {text_literal(plain)}::{kind})"
    escaped = "''" if escape is None else f"({escape.sql})::text"
    operator = "~" if sensitive else "~*"
    return f"(({subject})::text {operator} sandbox.like_pattern(({shown(wanted).sql})::text, {escaped}))"
