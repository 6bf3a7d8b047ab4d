"""Numbers and bit, to each other and to and from text."""

from __future__ import annotations

from etl.sandbox.errors import not_supported
from etl.sandbox.translation.conversion_request import Request
from etl.sandbox.translation.text_conversion import fit_text
from etl.sandbox.translation.types import storage

_INT_RANK = {"tinyint": 1, "smallint": 2, "int": 3, "bigint": 4}


def from_int(sql: str, request: Request) -> str:
    """Between whole numbers. Errors 220 and 8115 where the narrower cannot hold the value."""
    target = request.target.name
    if _INT_RANK.get(request.source.name, 0) <= _INT_RANK[target] and request.source.name != "tinyint":
        return f"({sql})::{storage(request.target)}"
    if request.source.name in {"tinyint", "bit"}:
        return f"({sql})::int4::{storage(request.target)}"
    return (
        f"sandbox.int_from_number(({sql})::numeric, '{target}', {request.strict},"
        f" {request.source_name})::{storage(request.target)}"
    )


def bit_to_number(sql: str, request: Request) -> str:
    """0 or 1."""
    return f"({sql})::int4::{storage(request.target)}"


def number_to_int(sql: str, request: Request) -> str:
    """The fraction is cut, money is rounded. Errors 220, 232 and 8115."""
    if request.source.name in {"real", "float"}:
        return (
            f"sandbox.int_from_float(({sql})::float8, '{request.target.name}', {request.strict},"
            f" {request.source_name})::{storage(request.target)}"
        )
    return (
        f"sandbox.int_from_number(({sql})::numeric, '{request.target.name}', {request.strict},"
        f" {request.source_name})::{storage(request.target)}"
    )


def text_to_int(sql: str, request: Request) -> str:
    """Digits with a sign, blanks around. Errors 244, 245, 248 and 8114."""
    return (
        f"sandbox.int_from_text({sql}, '{request.target.name}', {request.strict},"
        f" {request.source_name})::{storage(request.target)}"
    )


def number_to_bit(sql: str, _request: Request) -> str:
    """Whether it is other than 0."""
    return f"(({sql}) <> 0)"


def text_to_bit(sql: str, request: Request) -> str:
    """'true', 'false' or a whole number. Error 245."""
    return f"sandbox.bit_from_text({sql}, {request.strict}, {request.source_name})"


def number_to_float(sql: str, request: Request) -> str:
    """The nearest float or real. Error 8115 or 232 where there is none."""
    if request.target.name == "real" and request.source.name != "real":
        return f"sandbox.real_fit(({sql})::float8, {request.strict})"
    return f"({sql})::{storage(request.target)}"


def text_to_float(sql: str, request: Request) -> str:
    """Error 8114 for a text that is no number."""
    return (
        f"sandbox.float_from_text({sql}, '{request.target.name}', {request.strict},"
        f" {request.source_name})::{storage(request.target)}"
    )


def _fit_decimal(sql: str, request: Request) -> str:
    target = request.target
    name = "numeric" if request.source.name == "decimal" else request.source.name
    return f"sandbox.decimal_fit({sql}, {target.precision}, {target.scale}, {request.strict}, '{name}')"


_MONEY_DIGITS = {"money": (19, 4), "smallmoney": (10, 4)}


def number_to_decimal(sql: str, request: Request) -> str:
    """Rounded to the scale. Error 8115 where the whole digits do not fit."""
    source, target = request.source, request.target
    assert target.precision is not None
    assert target.scale is not None
    precision, scale = _MONEY_DIGITS.get(source.name, (source.precision, source.scale))
    if (
        precision is not None
        and scale is not None
        and scale <= target.scale
        and precision - scale <= target.precision - target.scale
    ):
        return f"({sql})::numeric({target.precision},{target.scale})"
    widths = {"bit": 1, "tinyint": 3, "smallint": 5, "int": 10, "bigint": 19}
    if source.name in widths and widths[source.name] <= target.precision - target.scale:
        return f"({sql}){'::int4' if source.name == 'bit' else ''}::numeric({target.precision},{target.scale})"
    if source.name == "bit":
        sql = f"({sql})::int4"
    if source.name in {"real", "float"}:
        return _fit_decimal(f"sandbox.exact({sql})", request)
    return _fit_decimal(f"({sql})::numeric", request)


def text_to_decimal(sql: str, request: Request) -> str:
    """Rounded to the scale. Errors 8114 and 8115."""
    target = request.target
    return (
        f"sandbox.decimal_from_text({sql}, {target.precision}, {target.scale}, {request.strict}, {request.source_name})"
    )


def number_to_money(sql: str, request: Request) -> str:
    """Rounded to four digits. Error 8115."""
    inner = f"({sql})::int4::numeric" if request.source.name == "bit" else f"({sql})::numeric"
    if request.source.name in {"real", "float"}:
        inner = f"sandbox.exact({sql})"
    return f"sandbox.money_fit({inner}, '{request.target.name}', {request.strict}, {request.source_name})"


def text_to_money(sql: str, request: Request) -> str:
    """With $ and commas. Errors 235 and 236, for smallmoney 293 and 294."""
    return f"sandbox.money_from_text({sql}, '{request.target.name}', {request.strict}, {request.source_name})"


def int_to_text(sql: str, request: Request) -> str:
    """The digits; where they do not fit, a star in char and varchar, else error 8115."""
    return fit_text(f"({sql})::text", request)


def bit_to_text(sql: str, request: Request) -> str:
    """0 or 1."""
    return fit_text(f"({sql})::int4::text", request)


def decimal_to_text(sql: str, request: Request) -> str:
    """All digits of the scale. Error 8115 where they do not fit."""
    return fit_text(f"({sql})::numeric({request.source.precision},{request.source.scale})::text", request)


def money_to_text(sql: str, request: Request) -> str:
    """Styles 0, 1, 2 and 126."""
    styles = {
        None: "round({}, 2)::text",
        0: "round({}, 2)::text",
        2: "round({}, 4)::text",
        126: "round({}, 4)::text",
        1: "to_char({}, 'FM999,999,999,999,990.00')",
    }
    if request.style not in styles:
        raise not_supported(f"CONVERT style {request.style} of money")
    return fit_text(styles[request.style].format(sql), request)


def float_to_text(sql: str, request: Request) -> str:
    """Styles 0 to 3."""
    return fit_text(f"sandbox.float_to_text({sql}, {request.style or 0})", request)
