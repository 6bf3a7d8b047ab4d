"""How many parameters a statement may have over FreeTDS without danger to the process.

FreeTDS holds a statement's text and the declarations of its parameters back until it knows how long they are
(`src/tds/query.c`, tds71_submit_prepexec). Where they fill more than a packet and the link is found lost when they are let go,
it frees one packet twice and glibc ends the process (`src/tds/packet.c`, tds_freeze_close_len: the socket still holds the
packet that goes to the cache). Up to one packet nothing is held back; the values follow after it and may have any size.
"""

from __future__ import annotations

from typing import Any

from etl.odbc import handle

SQL_ATTR_PACKET_SIZE = 112
UTF16_BYTES = 2
HEAD_BYTES = 128
"""Of the packet, its headers (MS-TDS 2.2.5.3), the procedure's number and the types of its own parameters; rounded up."""
PARAMETER_CHARS = len("@P2000, ") + len("@P2000 DATETIMEOFFSET(7),")
"""In the text, and in the declarations at the longest."""


def most_rows(raw: Any, columns: int, other_chars: int) -> int:
    """How many rows of parameters fit one packet of this pyodbc connection beside so many other characters; at least 1."""
    packet_bytes = handle.attribute(raw, SQL_ATTR_PACKET_SIZE)
    if packet_bytes is None:
        return 1
    room = packet_bytes - HEAD_BYTES - UTF16_BYTES * other_chars
    return max(1, room // (UTF16_BYTES * (columns * PARAMETER_CHARS + len("(), "))))
