"""Reading the fields of one message, with every length checked."""

from __future__ import annotations

import struct

_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")
_I32 = struct.Struct("<i")


class ProtocolError(Exception):
    """The client's bytes are not TDS. The connection ends; what follows in the stream cannot be trusted."""


class ShortageError(ProtocolError):
    """The bytes end before the field does."""


class FieldReader:
    """A cursor over one message's payload. Every method raises `ShortageError` where the payload is too short."""

    __slots__ = ("_data", "_position")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    @property
    def position(self) -> int:
        """Bytes read."""
        return self._position

    @property
    def remaining(self) -> int:
        """Bytes not read yet."""
        return len(self._data) - self._position

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        start = self._position
        end = start + count
        if end > len(self._data):
            raise ShortageError(f"{count} bytes expected at offset {start}, {self.remaining} are left")
        self._position = end
        return self._data[start:end]

    def peek(self) -> int | None:
        """The next byte, left where it is; None at the end."""
        return self._data[self._position] if self.remaining else None

    def u8(self) -> int:
        """BYTE."""
        position = self._position
        if position >= len(self._data):
            raise ShortageError(f"1 byte expected at offset {position}, 0 are left")
        self._position = position + 1
        return self._data[position]

    def u16(self) -> int:
        """USHORT."""
        return int(_U16.unpack(self.take(2))[0])

    def u32(self) -> int:
        """ULONG."""
        return int(_U32.unpack(self.take(4))[0])

    def u64(self) -> int:
        """ULONGLONG."""
        return int(_U64.unpack(self.take(8))[0])

    def i32(self) -> int:
        """LONG."""
        return int(_I32.unpack(self.take(4))[0])

    def unicode(self, characters: int) -> str:
        """`characters` UTF-16 code units of protocol text (names, statements)."""
        return decode_unicode(self.take(2 * characters))

    def b_varchar(self) -> str:
        """B_VARCHAR: one byte of length, then Unicode."""
        length = self.u8()
        return self.unicode(length) if length else ""

    def us_varchar(self) -> str:
        """US_VARCHAR: two bytes of length, then Unicode."""
        return self.unicode(self.u16())

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(self.remaining)


def decode_unicode(data: bytes) -> str:
    """UTF-16LE protocol text. Raises `ProtocolError` for an odd length or an unpaired surrogate."""
    try:
        return data.decode("utf-16-le")
    except UnicodeDecodeError as error:
        raise ProtocolError(f"text is not UTF-16: {error.reason}") from error


def b_varchar(text: str) -> bytes:
    """B_VARCHAR: text of at most 255 UTF-16 units; longer text is cut, as SQL Server cuts names."""
    data = text.encode("utf-16-le")[:510]
    return bytes((len(data) // 2,)) + data


def us_varchar(text: str) -> bytes:
    """US_VARCHAR: text of at most 65,535 UTF-16 units."""
    data = text.encode("utf-16-le")[:131070]
    return _U16.pack(len(data) // 2) + data
