"""Scalar expressions and conditions: the handlers of the allow-list that are neither functions nor queries."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from sqlglot import exp

from etl.sandbox.codepage import only_1252
from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation import operators
from etl.sandbox.translation.context import Context
from etl.sandbox.translation.conversion import convert
from etl.sandbox.translation.expression import Expression, text_literal
from etl.sandbox.translation.nodes import predicate, predicate_node, value, value_node
from etl.sandbox.translation.system import system_variable
from etl.sandbox.translation.types import CAST_LENGTH, FLOAT, INT, common_type, family, parse_type, storage


@value_node(exp.Column, "this", "table", "db", "catalog")
def _column(context: Context, node: exp.Expr) -> Expression:
    name = node.args["this"]
    if not isinstance(name, exp.Identifier):
        raise not_supported(f"the name {name.sql()}")
    parts = [node.args[part].name for part in ("catalog", "db", "table") if node.args.get(part)]
    if not parts and name.name.lower() == "0x":  # sqlglot takes the empty binary constant for a name
        return Expression("'\\x'::bytea", SqlType("varbinary", length=1), nullable=False)
    if not parts and not name.args.get("quoted") and name.name.upper() in _BARE_FUNCTIONS:
        return value(context, exp.Anonymous(this=name.name, expressions=[]))
    return replace(
        context.resolve(name.name, parts), name=name.name
    )  # a result column is called as the query writes it


_BARE_FUNCTIONS = {"CURRENT_TIMESTAMP", "CURRENT_USER", "SESSION_USER", "SYSTEM_USER", "USER"}


@value_node(exp.Literal, "this", "is_string")
def _literal(_context: Context, node: exp.Expr) -> Expression:
    text = node.name
    if node.args["is_string"]:
        return string_literal(text, "varchar")
    if "e" in text.lower():
        return Expression(f"{text}::float8", FLOAT, nullable=False)
    if "." in text:
        return _decimal_literal(text)
    number = int(text)
    if number <= 2147483647:
        return Expression(text, INT, nullable=False, literal=number)
    return _decimal_literal(text)


def _decimal_literal(text: str) -> Expression:
    digits = Decimal(text).as_tuple()
    scale = max(-int(digits.exponent), 0)
    precision = max(len(digits.digits), scale, 1)
    if precision > 38:
        raise SqlServerError(
            1007,
            f"The number '{text}' is out of the range for numeric representation (maximum precision 38).",
            severity=15,
            ends_batch=True,
        )
    kind = SqlType("decimal", precision=precision, scale=scale)
    return Expression(f"{text}::numeric({precision},{scale})", kind, nullable=False)


def string_literal(text: str, name: str) -> Expression:
    """A quoted text of type varchar or nvarchar, as long as it is."""
    if name == "varchar":
        text = only_1252(text)
    limit = 8000 if name == "varchar" else 4000
    units = len(text) if name == "varchar" or text.isascii() else len(text.encode("utf-16-le")) // 2
    length = max(units, 1)
    kind = SqlType(name, length=length if length <= limit else None)
    return Expression(f"{text_literal(text)}::citext", kind, nullable=False, literal=text)


@value_node(exp.National, "this")
def _national(_context: Context, node: exp.Expr) -> Expression:
    return string_literal(node.name, "nvarchar")


@value_node(exp.HexString, "this")
def _hex(_context: Context, node: exp.Expr) -> Expression:
    digits = node.name
    digits = "0" + digits if len(digits) % 2 else digits
    return Expression(f"'\\x{digits}'::bytea", SqlType("varbinary", length=max(len(digits) // 2, 1)), nullable=False)


@value_node(exp.Null)
def _null(_context: Context, _node: exp.Expr) -> Expression:
    return Expression("NULL", INT, is_null=True)


@value_node(exp.Parameter, "this")
def _parameter(context: Context, node: exp.Expr) -> Expression:
    inner = node.args["this"]
    if isinstance(inner, exp.Parameter):
        return system_variable(context, inner.name)
    return context.variable("@" + inner.name)


@value_node(exp.Paren, "this")
def _paren(context: Context, node: exp.Expr) -> Expression:
    inner = value(context, node.args["this"])
    return replace(inner, sql=f"({inner.sql})").unnamed()


@value_node(exp.Neg, "this")
def _negative(context: Context, node: exp.Expr) -> Expression:
    return operators.negate(value(context, node.args["this"]))


def _binary_operator(node: type[exp.Expr], operator: str) -> None:
    @value_node(node, "this", "expression", "typed", "safe")
    def _handler(context: Context, found: exp.Expr) -> Expression:
        left, right = found.args["this"], found.args["expression"]
        return operators.arithmetic(operator, value(context, left), value(context, right))


_ARITHMETIC: dict[type[exp.Expr], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}
for _node, _operator in _ARITHMETIC.items():
    _binary_operator(_node, _operator)

_BITWISE: dict[type[exp.Expr], str] = {exp.BitwiseAnd: "&", exp.BitwiseOr: "|", exp.BitwiseXor: "^"}


def _bitwise_operator(node: type[exp.Expr], operator: str) -> None:
    @value_node(node, "this", "expression")
    def _handler(context: Context, found: exp.Expr) -> Expression:
        left, right = found.args["this"], found.args["expression"]
        for side in (left, right):
            # T-SQL ranks these with + and -, sqlglot below them: without parentheses the tree may be another than T-SQL's.
            if isinstance(side, (exp.Add, exp.Sub)) or (type(side) in _BITWISE and type(side) is not node):
                raise not_supported(f"the operator {operator} beside another one without parentheses")
        return operators.bitwise(operator, value(context, left), value(context, right))


for _node, _operator in _BITWISE.items():
    _bitwise_operator(_node, _operator)


@value_node(exp.BitwiseNot, "this")
def _bitwise_not(context: Context, node: exp.Expr) -> Expression:
    operand = value(context, node.args["this"])
    if family(operand.type) == "bit":
        return replace(operand, sql=f"(NOT {operand.sql})").unnamed()
    if family(operand.type) != "int":
        raise SqlServerError(
            8117, f"Operand data type {operand.type.name} is invalid for '~' operator.", ends_batch=True
        )
    if operand.type.name == "tinyint":
        return replace(operand, sql=f"(255 - {operand.sql})::int2", literal=None).unnamed()
    return replace(operand, sql=f"(~({operand.sql}))", literal=None).unnamed()


@value_node(exp.Case, "this", "ifs", "default")
def _case(context: Context, node: exp.Expr) -> Expression:
    subject = node.args.get("this")
    conditions, results = [], []
    for branch in node.args["ifs"]:
        test = branch.args["this"]
        conditions.append(
            predicate(context, exp.EQ(this=subject.copy(), expression=test) if subject is not None else test)
        )
        results.append(value(context, branch.args["true"]))
    default = node.args.get("default")
    last = value(context, default) if default is not None else Expression("NULL", INT, is_null=True)
    return case(conditions, [*results, last])


def case(conditions: list[str], results: list[Expression]) -> Expression:
    """CASE over compiled branches; the last result is ELSE's. The type is the branches' common one."""
    kinds = [result.type for result in results if not result.is_null]
    if not kinds:
        raise SqlServerError(
            8133,
            "At least one of the result expressions in a CASE specification must be an expression other than the NULL"
            " constant.",
            ends_batch=True,
        )
    kind = common_type(kinds)
    collation = operators.merged_collation(*results) if family(kind) == "text" else None
    converted = [_as(result, kind, collation) for result in results]
    branches = " ".join(
        f"WHEN {condition} THEN {result.sql}" for condition, result in zip(conditions, converted[:-1], strict=True)
    )
    nullable = any(result.nullable for result in converted)
    aggregate = any(result.aggregate for result in results)
    return Expression(
        f"(CASE {branches} ELSE {converted[-1].sql} END)",
        kind,
        nullable=nullable,
        collation=collation,
        aggregate=aggregate,
    )


def _as(result: Expression, kind: SqlType, collation: str | None) -> Expression:
    converted = convert(result, kind)
    if collation is not None and storage(kind, collation) != storage(kind, converted.collation):
        return replace(converted, sql=f"({converted.sql})::{storage(kind, collation)}", collation=collation)
    return converted


@value_node(exp.Cast, "this", "to", "_type")
def _cast(context: Context, node: exp.Expr) -> Expression:
    return convert(value(context, node.args["this"]), _target(node.args["to"]), implicit=False).unnamed()


@value_node(exp.TryCast, "this", "to", "safe", "_type")
def _try_cast(context: Context, node: exp.Expr) -> Expression:
    return convert(value(context, node.args["this"]), _target(node.args["to"]), implicit=False, safe=True).unnamed()


@value_node(exp.Convert, "this", "expression", "style", "safe")
def _convert(context: Context, node: exp.Expr) -> Expression:
    style = None
    if node.args.get("style") is not None:
        given = value(context, node.args["style"])
        if not isinstance(given.literal, int):
            raise not_supported("a CONVERT style that is not a number in the text")
        style = given.literal
    target = _target(node.args["this"])
    if node.args.get("expression") is None:
        raise SqlServerError(102, "Incorrect syntax near ')'.", severity=15, ends_batch=True)
    return convert(
        value(context, node.args["expression"]), target, style=style, implicit=False, safe=bool(node.args.get("safe"))
    ).unnamed()


def _target(node: exp.Expr | None) -> SqlType:
    if node is None:
        raise SqlServerError(102, "Incorrect syntax near ','.", severity=15, ends_batch=True)
    if not isinstance(node, exp.DataType):
        raise not_supported(f"a cast to {node.sql()}")
    return parse_type(str(node.args["kind"]), CAST_LENGTH)


@value_node(exp.Collate, "this", "expression")
def _collate(context: Context, node: exp.Expr) -> Expression:
    return operators.collate(value(context, node.args["this"]), node.args["expression"].name)


# Conditions


def _comparison(node: type[exp.Expr], operator: str) -> None:
    @predicate_node(node, "this", "expression")
    def _handler(context: Context, found: exp.Expr) -> str:
        return operators.compare(value(context, found.args["this"]), operator, value(context, found.args["expression"]))


_COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
for _node, _operator in _COMPARISONS.items():
    _comparison(_node, _operator)


@predicate_node(exp.And, "this", "expression")
def _and(context: Context, node: exp.Expr) -> str:
    return _chain(context, node, exp.And, "AND")


@predicate_node(exp.Or, "this", "expression")
def _or(context: Context, node: exp.Expr) -> str:
    return _chain(context, node, exp.Or, "OR")


def _chain(context: Context, node: exp.Expr, kind: type[exp.Expr], operator: str) -> str:
    """A long chain of ANDs is a deep tree to the left: walk it without recursion."""
    parts = []
    while type(node) is kind:
        parts.append(predicate(context, node.args["expression"]))
        node = node.args["this"]
    parts.append(predicate(context, node))
    return "(" + f" {operator} ".join(reversed(parts)) + ")"


@predicate_node(exp.Not, "this")
def _not(context: Context, node: exp.Expr) -> str:
    return f"(NOT {predicate(context, node.args['this'])})"


@predicate_node(exp.Paren, "this")
def _paren_condition(context: Context, node: exp.Expr) -> str:
    return predicate(context, node.args["this"])


@predicate_node(exp.Is, "this", "expression")
def _is(context: Context, node: exp.Expr) -> str:
    if not isinstance(node.args["expression"], exp.Null):
        raise not_supported("IS with anything but NULL")
    return f"({value(context, node.args['this']).sql} IS NULL)"


@predicate_node(exp.NullSafeEQ, "this", "expression")
def _not_distinct(context: Context, node: exp.Expr) -> str:
    a, b = operators.comparable(value(context, node.args["this"]), value(context, node.args["expression"]))
    return f"({a} IS NOT DISTINCT FROM {b})"


@predicate_node(exp.NullSafeNEQ, "this", "expression")
def _distinct(context: Context, node: exp.Expr) -> str:
    a, b = operators.comparable(value(context, node.args["this"]), value(context, node.args["expression"]))
    return f"({a} IS DISTINCT FROM {b})"


@predicate_node(exp.Between, "this", "low", "high")
def _between(context: Context, node: exp.Expr) -> str:
    subject = value(context, node.args["this"])
    low = operators.compare(subject, ">=", value(context, node.args["low"]))
    return f"({low} AND {operators.compare(subject, '<=', value(context, node.args['high']))})"


@predicate_node(exp.Like, "this", "expression")
def _like(context: Context, node: exp.Expr) -> str:
    return operators.like(value(context, node.args["this"]), value(context, node.args["expression"]), None)


@predicate_node(exp.Escape, "this", "expression")
def _like_escape(context: Context, node: exp.Expr) -> str:
    inner = node.args["this"]
    if type(inner) is not exp.Like:
        raise not_supported("ESCAPE without LIKE")
    escape = value(context, node.args["expression"])
    return operators.like(value(context, inner.args["this"]), value(context, inner.args["expression"]), escape)


_COMPARED_ONE_BY_ONE = 20
"""Texts in a list that an index serves; a longer list is looked up in a hash."""


@predicate_node(exp.In, "this", "expressions", "query")
def _in(context: Context, node: exp.Expr) -> str:
    subject = value(context, node.args["this"])
    query = node.args.get("query")
    if query is not None:
        from etl.sandbox.translation.query import compile_subquery

        sql, columns = compile_subquery(context, query)
        if len(columns) != 1:
            raise SqlServerError(
                116,
                "Only one expression can be specified in the select list when the subquery is not introduced with"
                " EXISTS.",
                ends_batch=True,
            )
        alias = context.alias()
        left, right = operators.comparable(subject, replace(columns[0], sql=f"{alias}.c1", literal=None))
        return f"({left} IN (SELECT {right} FROM ({sql}) {alias}(c1)))"
    if not node.args.get("expressions"):
        raise SqlServerError(102, "Incorrect syntax near ')'.", severity=15, ends_batch=True)
    items = [value(context, item) for item in node.args["expressions"]]
    if family(subject.type) == "text" and len(items) <= _COMPARED_ONE_BY_ONE:
        return "(" + " OR ".join(operators.compare(subject, "=", item) for item in items) + ")"
    pairs = [operators.comparable(subject, item) for item in items]
    lefts = {left for left, _ in pairs}
    if len(lefts) == 1:
        return f"({lefts.pop()} IN ({', '.join(right for _, right in pairs)}))"
    return "(" + " OR ".join(f"{left} = {right}" for left, right in pairs) + ")"


@predicate_node(exp.Exists, "this")
def _exists(context: Context, node: exp.Expr) -> str:
    from etl.sandbox.translation.query import compile_subquery

    sql, _ = compile_subquery(context, node.args["this"])
    return f"EXISTS ({sql})"
