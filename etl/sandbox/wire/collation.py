"""Collations as the wire carries them, and the code pages they stand for (MS-TDS 2.2.5.1.2)."""

from __future__ import annotations

from collections.abc import Callable

from etl.sandbox.codepage import decode_1252
from etl.sandbox.errors import not_supported

DEFAULT_COLLATION = bytes.fromhex("0904d00034")
"""SQL_Latin1_General_CP1_CI_AS: LCID 0x409, ignore case, kana and width, sort id 52."""

UTF8_COLLATION = bytes.fromhex("0904d02400")
"""Latin1_General_100_CI_AS_SC_UTF8: LCID 0x409, ignore case, kana and width, UTF-8, version 2."""

COLLATION_BYTES = 5
_UTF8_FLAG = 0x0400_0000
_LCID_MASK = 0x000F_FFFF
_SORT_IDS_1252 = frozenset(range(50, 55)) | frozenset({71, 72, 73, 74, 75}) | frozenset(range(183, 187))
_WESTERN_LANGUAGES = frozenset({0x03, 0x06, 0x07, 0x09, 0x0A, 0x0B, 0x0C, 0x0F, 0x10, 0x13, 0x14, 0x16, 0x1D})
"""Primary language ids whose Windows code page is 1252: ca da de en es fi fr is it nl no pt sv."""


def _decode_utf8(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise not_supported("text that is not valid UTF-8 under a UTF-8 collation") from error


def is_utf8(collation: bytes) -> bool:
    """Whether char and varchar under `collation` (5 bytes) are UTF-8."""
    return bool(int.from_bytes(collation[:4], "little") & _UTF8_FLAG)


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
