"""Bytes and uniqueidentifier, to and from text and whole numbers."""

from __future__ import annotations

from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation.conversion_request import Request
from etl.sandbox.translation.text_conversion import cut, text_to_text, varying
from etl.sandbox.translation.types import is_fixed_text, is_wide, storage


def guid_to_text(sql: str, request: Request) -> str:
    """36 characters. Error 8170 where they do not fit."""
    if request.target.length is not None and request.target.length < 36:
        raise SqlServerError(
            8170, "Insufficient result space to convert uniqueidentifier value to char.", ends_batch=True
        )
    return f"sandbox.guid_to_text({sql})"


def text_to_guid(sql: str, request: Request) -> str:
    """Error 8169."""
    return f"sandbox.guid_from_text({sql}, {request.strict})"


def _fit_bytes(sql: str, target: SqlType) -> str:
    if target.name in {"binary", "rowversion"}:
        return f"sandbox.bytes_pad({sql}, {8 if target.name == 'rowversion' else target.length})"
    return sql if target.length is None else f"substr({sql}, 1, {target.length})"


def text_to_binary(sql: str, request: Request) -> str:
    """Style 1 and 2 read hexadecimal digits (error 8114); without one the text's own bytes."""
    if request.style in {1, 2}:
        return _fit_bytes(f"sandbox.bytes_from_hex({sql}, {request.style}, {request.strict})", request.target)
    encode = "utf16_bytes" if is_wide(request.source) else "ansi_bytes"
    return _fit_bytes(
        f"sandbox.{encode}({text_to_text(sql, Request(request.source, varying(request.source), None, 'true'))})",
        request.target,
    )


def binary_to_text(sql: str, request: Request) -> str:
    """Style 1 and 2 write hexadecimal digits; without one the bytes are the text, in code page 1252 or UTF-16."""
    if request.style in {1, 2}:
        return cut(f"sandbox.bytes_to_hex({sql}, {request.style})", request.target)
    if request.style not in {None, 0}:
        raise not_supported(f"CONVERT of {request.source.name} to {request.target.name} with style {request.style}")
    decode = "text_from_utf16" if is_wide(request.target) else "text_from_ansi"
    if request.target.length is not None:
        sql = f"substr({sql}, 1, {request.target.length * (2 if is_wide(request.target) else 1)})"
    held = f"sandbox.{decode}({sql})"
    return f"rtrim({held}, ' ')::citext" if is_fixed_text(request.target) else f"{held}::citext"


def bit_to_binary(sql: str, request: Request) -> str:
    """One byte."""
    byte = f"(CASE WHEN {sql} THEN '\\x01'::bytea WHEN NOT {sql} THEN '\\x00'::bytea END)"
    if request.target.name == "binary":
        return f"sandbox.bytes_right({byte}, {request.target.length})"
    return byte


def binary_to_bit(sql: str, _request: Request) -> str:
    """Whether any byte is other than 0."""
    return f"(length(btrim({sql}, '\\x00'::bytea)) > 0)"


def binary_to_binary(sql: str, request: Request) -> str:
    """Cut or padded on the right."""
    return _fit_bytes(sql, request.target)


def binary_to_int(sql: str, request: Request) -> str:
    """The last bytes, the highest first."""
    return (
        f"sandbox.int_from_bytes({sql},"
        f" {({'tinyint': 1, 'smallint': 2, 'int': 4, 'bigint': 8})[request.target.name]})::{storage(request.target)}"
    )


def int_to_binary(sql: str, request: Request) -> str:
    """The bytes, the highest first; a shorter target loses the high ones."""
    send = {
        "tinyint": "substr(int2send({}), 2)",
        "smallint": "int2send({})",
        "int": "int4send({})",
        "bigint": "int8send({})",
    }
    inner = send[request.source.name].format(f"({sql})::{storage(request.source)}")
    length = request.target.length
    if length is None:
        return inner
    if request.target.name == "binary":
        return f"sandbox.bytes_right({inner}, {length})"
    return f"substr({inner}, greatest(length({inner}) - {length} + 1, 1))"


def guid_to_binary(sql: str, request: Request) -> str:
    """The 16 bytes as they are stored, the first groups reversed."""
    return _fit_bytes(f"sandbox.guid_bytes({sql})", request.target)


def binary_to_guid(sql: str, _request: Request) -> str:
    """The first 16 bytes."""
    return f"sandbox.guid_from_bytes({sql})"
