"""Damaged messages, made of real ones: the same numbers give the same damage."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from random import Random

from tests.sandbox.traffic import Sent

LENGTHS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF)
LONG_LENGTHS = (0, 1, 0xFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
KINDS = (1, 2, 3, 4, 6, 7, 8, 14, 16, 17, 18, 23, 0, 255)
WORDS = (
    "SELECT", "NULL", "'", "--", "/*", "(", ")", "COMMIT", "ROLLBACK", "BEGIN TRAN", "[", ";", "@P1", "0x", "N'é'",
    "UNION ALL", "INSERT BULK t (k int)", "1e400", "DROP TABLE dbo.t", "\0", "\ud83d\ude00", "EXEC", "GO", "#t",
)  # fmt: skip

_ALL_HEADERS_BYTES = 22
"""Where the interesting part of a request begins (MS-TDS 2.2.5.3); damage before it ends the connection at once."""

Mutation = Callable[[bytearray, Random], None]


def _place(data: bytearray, random: Random, size: int = 1) -> int:
    return random.randrange(max(1, len(data) - size + 1))


def _flip_a_bit(data: bytearray, random: Random) -> None:
    if data:
        data[_place(data, random)] ^= 1 << random.randrange(8)


def _set_a_byte(data: bytearray, random: Random) -> None:
    if data:
        data[_place(data, random)] = random.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF, random.randrange(256)))


def _set_a_length(data: bytearray, random: Random) -> None:
    if len(data) >= 2:
        struct.pack_into("<H", data, _place(data, random, 2), random.choice(LENGTHS))


def _set_a_long_length(data: bytearray, random: Random) -> None:
    if len(data) >= 4:
        struct.pack_into("<I", data, _place(data, random, 4), random.choice(LONG_LENGTHS))


def _truncate(data: bytearray, random: Random) -> None:
    del data[_place(data, random) :]


def _delete(data: bytearray, random: Random) -> None:
    start = _place(data, random)
    del data[start : start + random.choice((1, 2, 4, 16, 200))]


def _repeat(data: bytearray, random: Random) -> None:
    start = _place(data, random)
    piece = data[start : start + random.choice((1, 2, 4, 16, 200))]
    data[start:start] = piece * random.choice((1, 2, 50))


def _insert(data: bytearray, random: Random) -> None:
    start = _place(data, random)
    data[start:start] = random.randbytes(random.choice((1, 2, 8, 100)))


def _insert_a_word(data: bytearray, random: Random) -> None:
    # Statement texts start at an even offset behind headers of even length.
    start = _place(data, random) & ~1
    data[start:start] = f" {random.choice(WORDS)} ".encode("utf-16-le", "surrogatepass")


MUTATIONS: Sequence[Mutation] = (
    _flip_a_bit,
    _set_a_byte,
    _set_a_length,
    _set_a_long_length,
    _truncate,
    _delete,
    _repeat,
    _insert,
    *(_insert_a_word,) * 4,
    *(_insert_a_word,) * 4,
)


def damaged(sent: Sent, others: Sequence[Sent], random: Random) -> bytes:
    """One message with one to four changes, in packets; sometimes the packets themselves are damaged too."""
    intact = _ALL_HEADERS_BYTES if random.random() < 0.8 else 0
    payload = bytearray(sent.payload[intact:])
    for _ in range(random.choice((1, 1, 2, 4))):
        random.choice(MUTATIONS)(payload, random)
    if random.random() < 0.1:
        other = random.choice(others).payload
        payload = payload[: _place(payload, random)] + other[_place(bytearray(other), random) :]
    payload[:0] = sent.payload[:intact]
    kind = random.choice(KINDS) if random.random() < 0.05 else sent.kind
    status = random.choice((8, 2, 0x10, 0xF0)) if random.random() < 0.05 else sent.status
    data = bytearray(Sent(sent.client, kind, status, bytes(payload)).packets(random.choice((4088, 504, 17))))
    if random.random() < 0.1:
        random.choice(MUTATIONS)(data, random)
    return bytes(data)
