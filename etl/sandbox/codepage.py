"""Code page 1252 as Windows has it: the code page of char, varchar and text under the default collation."""

from __future__ import annotations

import codecs
import re

# Windows gives the five bytes that code page 1252 leaves open the control characters of the same number.
_DECODE_1252 = "".join(
    bytes((byte,)).decode("cp1252") if byte not in {0x81, 0x8D, 0x8F, 0x90, 0x9D} else chr(byte) for byte in range(256)
)
_ENCODE_1252 = codecs.charmap_build(_DECODE_1252)
_SUPPLEMENTARY = re.compile("[\U00010000-\U0010ffff]")


def encode_1252(text: str) -> bytes:
    """Text in code page 1252; what it lacks becomes `?`, as in SQL Server's own conversion to varchar."""
    if text.isascii():
        return text.encode("ascii")
    return codecs.charmap_encode(text, "replace", _ENCODE_1252)[0]


def decode_1252(data: bytes) -> str:
    """Text from code page 1252; all 256 bytes mean something."""
    return codecs.charmap_decode(data, "strict", _DECODE_1252)[0]


def only_1252(text: str) -> str:
    """A text as a varchar holds it. A character outside of the basic plane is two units, and each becomes a `?`."""
    return text if text.isascii() else decode_1252(encode_1252(_SUPPLEMENTARY.sub("??", text)))
