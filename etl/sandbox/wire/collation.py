"""Collations as the wire carries them, and the code pages they stand for (MS-TDS 2.2.5.1.2)."""

from __future__ import annotations

import codecs
from collections.abc import Callable

from etl.sandbox.errors import not_supported

DEFAULT_COLLATION = bytes.fromhex("0904d00034")
"""SQL_Latin1_General_CP1_CI_AS: LCID 0x409, ignore case, kana and width, sort id 52."""

COLLATION_BYTES = 5
_UTF8_FLAG = 0x0400_0000
_LCID_MASK = 0x000F_FFFF
_SORT_IDS_1252 = frozenset(range(50, 55)) | frozenset({71, 72, 73, 74, 75}) | frozenset(range(183, 187))
_WESTERN_LANGUAGES = frozenset({0x03, 0x06, 0x07, 0x09, 0x0A, 0x0B, 0x0C, 0x0F, 0x10, 0x13, 0x14, 0x16, 0x1D})
"""Primary language ids whose Windows code page is 1252: ca da de en es fi fr is it nl no pt sv."""

# Windows gives the five bytes that code page 1252 leaves open the control characters of the same number.
_DECODE_1252 = "".join(
    bytes((byte,)).decode("cp1252") if byte not in {0x81, 0x8D, 0x8F, 0x90, 0x9D} else chr(byte) for byte in range(256)
)
_ENCODE_1252 = codecs.charmap_build(_DECODE_1252)


def encode_1252(text: str) -> bytes:
    """Text in code page 1252; what it lacks becomes `?`, as in SQL Server's own conversion to varchar."""
    if text.isascii():
        return text.encode("ascii")
    return codecs.charmap_encode(text, "replace", _ENCODE_1252)[0]


def decode_1252(data: bytes) -> str:
    """Text from code page 1252; all 256 bytes mean something."""
    return codecs.charmap_decode(data, "strict", _DECODE_1252)[0]


def _decode_utf8(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise not_supported("text that is not valid UTF-8 under a UTF-8 collation") from error


def collation_decoder(collation: bytes) -> Callable[[bytes], str]:
    """How char, varchar and text under `collation` (5 bytes) are read. Refuses unknown code pages by name."""
    info = int.from_bytes(collation[:4], "little")
    sort_id = collation[4]
    if info & _UTF8_FLAG:
        return _decode_utf8
    if collation == bytes(COLLATION_BYTES) or sort_id in _SORT_IDS_1252:
        return decode_1252
    if sort_id == 0 and (info & _LCID_MASK & 0x3FF) in _WESTERN_LANGUAGES:
        return decode_1252
    raise not_supported(f"the collation 0x{collation.hex()}")
