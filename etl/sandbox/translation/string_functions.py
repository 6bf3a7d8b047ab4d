"""Functions over text and bytes. Positions and lengths count characters (SQL Server counts UTF-16 units: see the README)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation import operators
from etl.sandbox.translation.context import Context
from etl.sandbox.translation.conversion import convert, shown
from etl.sandbox.translation.expression import Expression
from etl.sandbox.translation.functions import ANY, function, integer
from etl.sandbox.translation.nodes import value, value_node
from etl.sandbox.translation.types import BIGINT, INT, family, is_utf8, is_wide, storage

_MAX = {"varchar": 8000, "nvarchar": 4000, "varbinary": 8000}


def text(context: Context, node: exp.Expr) -> Expression:
    """An argument as text, char with its blanks; numbers and dates become varchar."""
    given = value(context, node)
    if given.is_null:
        return convert(given, SqlType("varchar", length=1))
    if family(given.type) == "text":
        return shown(given)
    if family(given.type) in {"binary", "xml"}:
        raise SqlServerError(
            8116, f"Argument data type {given.type.name} is invalid for argument 1 of a text function.", ends_batch=True
        )
    return convert(given, SqlType("varchar", length=8000))


def _varying(kind: SqlType, length: int | None) -> SqlType:
    name = "nvarchar" if is_wide(kind) else "varchar"
    return SqlType(name, length=None if length is None or length > _MAX[name] else max(length, 1))


def _text_result(sql: str, like: Expression, kind: SqlType, nullable: bool = True) -> Expression:
    return Expression(
        f"({sql})::{storage(kind, like.collation)}",
        kind,
        nullable=nullable,
        collation=like.collation,
        aggregate=like.aggregate,
    )


def _cut_result(sql: str, like: Expression, kind: SqlType) -> Expression:
    """A part of a text: PostgreSQL counts characters, the type counts UTF-16 units, so a part may still be too long."""
    if is_wide(kind) and kind.length is not None:
        sql = f"sandbox.left_utf16({sql}, {kind.length})"
    return _text_result(sql, like, kind)


def _long(kind: SqlType) -> SqlType:
    """The type of a length or position: bigint over (max), int over all else."""
    return BIGINT if kind.name in {"nvarchar", "varchar", "varbinary"} and kind.length is None else INT


@function("LEN", 1)
def _len(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    given = value(context, arguments[0])
    if family(given.type) == "binary":
        return Expression(f"length({given.sql})", _long(given.type), nullable=given.nullable)
    item = text(context, arguments[0])
    kind = _long(item.type)
    return Expression(
        f"sandbox.utf16_length(rtrim(({item.sql})::text, ' '))::{storage(kind)}",
        kind,
        nullable=item.nullable,
        aggregate=item.aggregate,
    )


@function("DATALENGTH", 1)
def _datalength(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    given = shown(value(context, arguments[0]))
    sizes = {
        "bit": 1,
        "tinyint": 1,
        "smallint": 2,
        "int": 4,
        "bigint": 8,
        "real": 4,
        "float": 8,
        "money": 8,
        "smallmoney": 4,
        "date": 3,
        "datetime": 8,
        "smalldatetime": 4,
        "uniqueidentifier": 16,
    }
    kind = _long(given.type)
    if given.type.name in sizes:
        sql = f"(CASE WHEN {given.sql} IS NOT NULL THEN {sizes[given.type.name]} END)"
    elif family(given.type) == "text":
        sql = (
            f"sandbox.utf16_length(({given.sql})::text) * 2"
            if is_wide(given.type)
            else f"{'octet_length' if is_utf8(given.collation) else 'length'}(({given.sql})::text)"
        )
    elif family(given.type) == "binary":
        sql = f"length({given.sql})"
    elif given.type.name == "decimal":
        size = (
            5
            if given.type.precision in range(10)
            else 9
            if given.type.precision in range(20)
            else 13
            if given.type.precision in range(29)
            else 17
        )
        sql = f"(CASE WHEN {given.sql} IS NOT NULL THEN {size} END)"
    else:
        raise not_supported(f"DATALENGTH of {given.type}")
    return Expression(f"({sql})::{storage(kind)}", kind, nullable=given.nullable)


def _change_case(name: str) -> None:
    @function(name, 1)
    def _handler(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
        item = text(context, arguments[0])
        return _text_result(
            f"{name.lower()}(({item.sql})::text)", item, _varying(item.type, item.type.length), item.nullable
        )


for _name in ("UPPER", "LOWER", "REVERSE"):
    _change_case(_name)


def _trim(name: str, postgres: str) -> None:
    @function(name, 1)
    def _handler(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
        item = text(context, arguments[0])
        return _text_result(
            f"{postgres}(({item.sql})::text, ' ')", item, _varying(item.type, item.type.length), item.nullable
        )


for _name, _postgres in (("LTRIM", "ltrim"), ("RTRIM", "rtrim")):
    _trim(_name, _postgres)


_SIDES = {"": "btrim", "BOTH": "btrim", "LEADING": "ltrim", "TRAILING": "rtrim"}


@value_node(exp.Trim, "this", "expression", "position")
def _trim_of(context: Context, node: exp.Expr) -> Expression:
    """TRIM(text) and TRIM([side] characters FROM text)."""
    item, given = text(context, node.args["this"]), node.args.get("expression")
    characters = f"({text(context, given).sql})::text" if given is not None else "' '"
    side = _SIDES[str(node.args.get("position") or "").upper()]
    return _text_result(
        f"{side}(({item.sql})::text, {characters})", item, _varying(item.type, item.type.length), item.nullable
    ).unnamed()


def _side(name: str) -> None:
    @function(name, 2)
    def _handler(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
        item, count = text(context, arguments[0]), integer(context, arguments[1])
        length = count.literal if isinstance(count.literal, int) else item.type.length
        sql = f"{name.lower()}(({item.sql})::text, sandbox.not_negative({count.sql}, '{name.lower()}'))"
        return _cut_result(sql, item, _varying(item.type, length))


for _name in ("LEFT", "RIGHT"):
    _side(_name)


@function("SUBSTRING", 3)
def _substring(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    given = value(context, arguments[0])
    start, count = integer(context, arguments[1]), integer(context, arguments[2])
    bounds = f"{start.sql}, sandbox.not_negative({count.sql}, 'substring')"
    length = count.literal if isinstance(count.literal, int) and given.type.length is not None else given.type.length
    if family(given.type) == "binary":
        return Expression(f"substr({given.sql}, {bounds})", SqlType("varbinary", length=length))
    item = text(context, arguments[0])
    return _cut_result(f"substr(({item.sql})::text, {bounds})", item, _varying(item.type, length))


@function("REPLACE", 3)
def _replace(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    items = [text(context, argument) for argument in arguments]
    collation = operators.merged_collation(*items)
    kind = (
        SqlType("nvarchar", length=4000)
        if any(is_wide(item.type) for item in items)
        else SqlType("varchar", length=8000)
    )
    if items[0].type.length is None:
        kind = SqlType(kind.name)
    target = storage(kind, collation)
    sql = "replace(" + ", ".join(f"({item.sql})::{target}" for item in items) + ")"
    first = items[0]
    return Expression(
        f"(CASE WHEN ({items[1].sql})::text = '' THEN ({first.sql})::{target} ELSE ({sql})::{target} END)",
        kind,
        collation=collation,
    )


@function("CHARINDEX", 2, 3)
def _charindex(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    needle, hay = text(context, arguments[0]), text(context, arguments[1])
    collation = operators.merged_collation(needle, hay)
    from etl.sandbox.translation.types import is_case_sensitive

    fold = "" if collation is not None and is_case_sensitive(collation) else "lower"
    start = integer(context, arguments[2]).sql if len(arguments) == 3 else "1"
    kind = _long(hay.type)
    return Expression(
        f"sandbox.charindex({fold}(({needle.sql})::text), {fold}(({hay.sql})::text), {start})::{storage(kind)}", kind
    )


@function("PATINDEX", 2)
def _patindex(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    pattern, hay = text(context, arguments[0]), text(context, arguments[1])
    return Expression(f"sandbox.patindex(({pattern.sql})::text, ({hay.sql})::text)", INT)


@function("CONCAT", 2, ANY)
def _concat(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    items = [text(context, argument) for argument in arguments]
    return _joined("concat(" + ", ".join(f"({item.sql})::text" for item in items) + ")", items, 0)


@function("CONCAT_WS", 3, ANY)
def _concat_ws(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    items = [text(context, argument) for argument in arguments]
    separator = items[0].type.length or 0
    return _joined("concat_ws(" + ", ".join(f"({item.sql})::text" for item in items) + ")", items[1:], separator)


def _joined(sql: str, items: Sequence[Expression], separator: int) -> Expression:
    name = "nvarchar" if any(is_wide(item.type) for item in items) else "varchar"
    lengths = [item.type.length for item in items]
    total = (
        None if None in lengths else min(sum(length or 0 for length in lengths) + separator * len(items), _MAX[name])
    )
    kind = SqlType(name, length=total)
    collation = operators.merged_collation(*items)
    return Expression(f"({sql})::{storage(kind, collation)}", kind, nullable=False, collation=collation)


@function("REPLICATE", 2)
def _replicate(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    item, count = text(context, arguments[0]), integer(context, arguments[1])
    limit = None if item.type.length is None else _MAX["nvarchar" if is_wide(item.type) else "varchar"]
    sql = f"(CASE WHEN {count.sql} >= 0 THEN repeat(({item.sql})::text, {count.sql}) END)"
    if limit is not None:
        sql = f"left({sql}, {limit})"
    return _text_result(sql, item, _varying(item.type, limit))


@function("SPACE", 1)
def _space(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    count = integer(context, arguments[0])
    return Expression(f"repeat(' ', {count.sql})::citext", SqlType("varchar", length=8000))


@function("STUFF", 4)
def _stuff(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    item, new = text(context, arguments[0]), text(context, arguments[3])
    start, count = integer(context, arguments[1]), integer(context, arguments[2])
    kind = _varying(
        new.type if is_wide(new.type) else item.type,
        None if item.type.length is None or new.type.length is None else item.type.length + new.type.length,
    )
    return _text_result(f"sandbox.stuff(({item.sql})::text, {start.sql}, {count.sql}, ({new.sql})::text)", item, kind)


@function("ASCII", 1)
def _ascii(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    item = text(context, arguments[0])
    return Expression(f"get_byte(nullif(sandbox.ansi_bytes(left(({item.sql})::text, 1)), ''), 0)", INT)


@function("UNICODE", 1)
def _unicode(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    item = text(context, arguments[0])
    return Expression(f"ascii(nullif(({item.sql})::text, ''))", INT)


@function("CHAR", 1)
def _char(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    code = integer(context, arguments[0])
    return Expression(f"sandbox.char_of({code.sql})::citext", SqlType("varchar", length=1))


@function("NCHAR", 1)
def _nchar(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    code = integer(context, arguments[0])
    return Expression(f"sandbox.nchar_of({code.sql})::citext", SqlType("nvarchar", length=1))


@function("QUOTENAME", 1, 2)
def _quotename(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    item = text(context, arguments[0])
    mark = text(context, arguments[1]).sql if len(arguments) == 2 else "'['"
    return Expression(f"sandbox.quotename(({item.sql})::text, ({mark})::text)::citext", SqlType("nvarchar", length=258))


@function("PARSENAME", 2)
def _parsename(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    item, part = text(context, arguments[0]), integer(context, arguments[1])
    return Expression(f"sandbox.parsename(({item.sql})::text, {part.sql})::citext", SqlType("nvarchar", length=128))


@function("HASHBYTES", 2)
def _hashbytes(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    algorithm = value(context, arguments[0]).literal
    names = {"md5": "md5", "sha": "sandbox.sha1", "sha1": "sandbox.sha1", "sha2_256": "sha256", "sha2_512": "sha512"}
    if not isinstance(algorithm, str) or algorithm.lower() not in names:
        raise not_supported(f"HASHBYTES with {arguments[0].name}")
    given = shown(value(context, arguments[1]))
    if family(given.type) == "text":
        given = convert(given, SqlType("varbinary"), implicit=False)
    if family(given.type) != "binary":
        raise SqlServerError(
            8116,
            f"Argument data type {given.type.name} is invalid for argument 2 of hashbytes function.",
            ends_batch=True,
        )
    call = names[algorithm.lower()]
    sql = f"decode(md5({given.sql}), 'hex')" if call == "md5" else f"{call}({given.sql})"
    return Expression(sql, SqlType("varbinary", length=8000), nullable=given.nullable)


@function("ISNUMERIC", 1)
def _isnumeric(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    given = value(context, arguments[0])
    if family(given.type) in {"bit", "int", "decimal", "money", "float"}:
        return Expression(f"(CASE WHEN {given.sql} IS NULL THEN 0 ELSE 1 END)", INT, nullable=False)
    item = text(context, arguments[0])
    sql = (
        f"(CASE WHEN btrim(({item.sql})::text) ~ '^[+-]?([0-9][0-9,]*\\.?[0-9]*|\\.[0-9]+)([eEdD][+-]?[0-9]+)?$' THEN 1"
        " ELSE 0 END)"
    )
    return Expression(sql, INT, nullable=False)
