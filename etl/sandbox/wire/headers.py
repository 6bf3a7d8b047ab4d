"""ALL_HEADERS, which opens every request after login (MS-TDS 2.2.5.3)."""

from __future__ import annotations

from etl.sandbox.wire.fields import FieldReader, ProtocolError


def skip_all_headers(fields: FieldReader) -> None:
    """Step over the headers after checking their lengths.

    Nothing in them matters here: without MARS the transaction descriptor can only be the session's own, and query
    notifications and activity tracing have no effect on an answer. Raises `ProtocolError`.
    """
    total = fields.u32()
    if total < 4 or total - 4 > fields.remaining:
        raise ProtocolError(f"ALL_HEADERS of {total} bytes")
    headers = FieldReader(fields.take(total - 4))
    while headers.remaining:
        length = headers.u32()
        if length < 6:
            raise ProtocolError(f"a header of {length} bytes")
        headers.take(length - 4)
