"""The answer to a client that is older than TDS 7 (MS-SSTDS 2.2.7): one that it can read, and no more."""

from __future__ import annotations

import struct

from etl.sandbox.errors import SqlServerError

LOGIN = b"\x02"
"""The packet type of such a client's first message."""

_RESPONSE, _END_OF_MESSAGE = 4, 1
_ERROR, _DONE, _FAILED = 0xAA, 0xFD, 2


def refusal(error: SqlServerError) -> bytes:
    """A whole response: ERROR and DONE, with texts of one byte a character and short counts."""
    text = error.message.encode("ascii", "replace")
    body = struct.pack("<iBBH", error.number, error.state, error.severity, len(text)) + text
    body += bytes(2) + struct.pack("<H", error.line)  # no server, no procedure
    tokens = struct.pack("<BH", _ERROR, len(body)) + body + struct.pack("<BHHI", _DONE, _FAILED, 0, 0)
    return struct.pack(">BBHHBB", _RESPONSE, _END_OF_MESSAGE, len(tokens) + 8, 0, 1, 0) + tokens
