"""Packets into messages and back (MS-TDS 2.2.3)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from etl.sandbox.wire.fields import ProtocolError
from etl.sandbox.wire.streaming import PayloadStream

DEFAULT_PACKET_BYTES = 4096
MIN_PACKET_BYTES = 512
MAX_PACKET_BYTES = 32767
"""Bounds of the negotiated packet size (MS-TDS 2.2.6.4, PacketSize)."""
MAX_ENCRYPTED_PACKET_BYTES = 16383

_HEADER = struct.Struct(">BBHHBB")
HEADER_BYTES = _HEADER.size


class MessageKind(IntEnum):
    """Packet types (MS-TDS 2.2.3.1.1)."""

    SQL_BATCH = 1
    RPC = 3
    RESPONSE = 4
    ATTENTION = 6
    BULK_LOAD = 7
    TRANSACTION_MANAGER = 14
    LOGIN7 = 16
    SSPI = 17
    PRELOGIN = 18


class PacketStatus(IntFlag):
    """Packet status bits (MS-TDS 2.2.3.1.2)."""

    NORMAL = 0x00
    END_OF_MESSAGE = 0x01
    IGNORE = 0x02
    RESET_CONNECTION = 0x08
    RESET_CONNECTION_SKIP_TRANSACTION = 0x10


@dataclass(frozen=True, slots=True)
class Message:
    """One message from the client. `status` is that of its first packet, which carries the reset bits."""

    kind: MessageKind
    payload: bytes
    """The whole of it; empty for a bulk load."""
    status: PacketStatus = PacketStatus.NORMAL
    stream: PayloadStream | None = None
    """A bulk load's payload, which is still arriving. With ATTENTION: that of the bulk load which it cuts off."""


def read_header(data: bytes | bytearray) -> tuple[int, int, int]:
    """Type, status and length of the packet that `data` begins with; the length includes the header. Raises `ProtocolError`."""
    kind, status, length, _, _, _ = _HEADER.unpack_from(data)
    if not HEADER_BYTES <= length <= MAX_PACKET_BYTES:
        raise ProtocolError(f"packet length {length}")
    return kind, status, length


class MessageAssembler:
    """Bytes from a client, in pieces of any size, into messages.

    `max_message_bytes` bounds what a client can make the server hold; it may be raised after login.
    """

    def __init__(self, max_message_bytes: int) -> None:
        self.max_message_bytes = max_message_bytes
        self._received = bytearray()
        self._parts: list[bytes] = []
        self._held_bytes = 0
        self._kind: MessageKind | None = None
        self._status = PacketStatus.NORMAL
        self.stream: PayloadStream | None = None
        """The payload of the bulk load that is arriving. It is not bounded by `max_message_bytes`."""

    @property
    def inside_message(self) -> bool:
        """Whether a packet has come of a message that is not whole yet."""
        return self._kind is not None

    @property
    def empty(self) -> bool:
        """Whether nothing has come after the last message."""
        return not self._received and not self.inside_message

    def feed(self, data: bytes) -> list[Message]:
        """Take bytes as they came and give the messages they complete. Raises `ProtocolError`."""
        self._received += data
        messages = []
        if self.stream is not None:
            self._pass_on_whole(self.stream)
        while packet := self._next_packet():
            message = self._add(*packet)
            if message:
                messages.append(message)
        return messages

    def _next_packet(self) -> tuple[MessageKind, PacketStatus, bytes] | None:
        if len(self._received) < HEADER_BYTES:
            return None
        kind, status, length = read_header(self._received)
        if kind not in _CLIENT_KINDS:
            raise ProtocolError(f"packet type {kind}")
        if len(self._received) < length:
            return None
        payload = bytes(self._received[HEADER_BYTES:length])
        del self._received[:length]
        return MessageKind(kind), PacketStatus(status), payload

    def _add(self, kind: MessageKind, status: PacketStatus, payload: bytes) -> Message | None:
        if kind is MessageKind.ATTENTION:
            # A client that gives up while sending leaves its message unfinished.
            message = Message(kind, b"", stream=self.stream)
            self._forget()
            return message
        if self._kind is None:
            self._kind, self._status = kind, status
        elif kind is not self._kind:
            raise ProtocolError(f"a packet of type {kind} inside a message of type {self._kind}")
        if kind is MessageKind.BULK_LOAD:
            return self._pass_on(status, payload)
        self._hold(payload)
        if not status & PacketStatus.END_OF_MESSAGE:
            return None
        message = Message(kind, b"".join(self._parts), self._status)
        self._forget()
        return None if status & PacketStatus.IGNORE else message

    def _pass_on(self, status: PacketStatus, payload: bytes) -> Message | None:
        """A packet of a bulk load. Its message is given with the first one, and filled with the others."""
        opened = None
        if self.stream is None:
            self.stream = PayloadStream()
            opened = Message(MessageKind.BULK_LOAD, b"", status, self.stream)
        stream = self.stream
        if not status & PacketStatus.END_OF_MESSAGE:
            stream.put(payload)
            return opened
        self._forget()
        if status & PacketStatus.IGNORE:
            stream.cut()
            return None
        stream.put(payload)
        stream.end()
        return opened

    def _pass_on_whole(self, stream: PayloadStream) -> None:
        """All packets that are neither the first nor the last of the bulk load under way, at once."""
        received, at = self._received, 0
        parts = []
        while len(received) - at >= HEADER_BYTES:
            kind, status, length, _, _, _ = _HEADER.unpack_from(received, at)
            # What is not plain is for `_next_packet` to judge.
            if kind != MessageKind.BULK_LOAD or status or not HEADER_BYTES <= length <= MAX_PACKET_BYTES:
                break
            if len(received) - at < length:
                break
            parts.append(received[at + HEADER_BYTES : at + length])
            at += length
        if parts:
            del received[:at]
            stream.put(b"".join(parts))

    def abandon(self) -> None:
        """Nothing more will come."""
        if self.stream is not None:
            self.stream.cut()

    def _hold(self, payload: bytes) -> None:
        self._held_bytes += len(payload)
        if self._held_bytes > self.max_message_bytes:
            raise ProtocolError(f"a message of more than {self.max_message_bytes} bytes")
        self._parts.append(payload)

    def _forget(self) -> None:
        self._parts, self._held_bytes, self._kind, self.stream = [], 0, None, None


_CLIENT_KINDS = frozenset(MessageKind) - {MessageKind.RESPONSE}


class PacketWriter:
    """Messages into packets. Full packets go to `send` at once: a message of any length holds one packet."""

    def __init__(
        self,
        send: Callable[[bytes], None],
        packet_bytes: int = DEFAULT_PACKET_BYTES,
        spid: int = 0,
        kind: MessageKind = MessageKind.RESPONSE,
    ) -> None:
        self._send = send
        self._spid = spid
        self._kind = kind
        self._pending = bytearray()
        self._packet_number = 1
        self.packet_bytes = packet_bytes
        """The negotiated size, header included; takes effect with the next packet."""

    def write(self, data: bytes | memoryview) -> None:
        """Add to the message."""
        self._pending += data
        room = self.packet_bytes - HEADER_BYTES
        # One byte at least stays behind: the last packet carries the end-of-message bit.
        whole = (len(self._pending) - 1) // room
        if whole < 1:
            return
        packets: list[bytes | bytearray] = []
        for start in range(0, whole * room, room):
            packets.append(self._header(PacketStatus.NORMAL, room))
            packets.append(self._pending[start : start + room])
        del self._pending[: whole * room]
        self._send(b"".join(packets))

    def finish(self) -> None:
        """End the message and send what is left of it."""
        packet = self._header(PacketStatus.END_OF_MESSAGE, len(self._pending)) + self._pending
        self._pending.clear()
        self._packet_number = 1
        self._send(packet)

    def _header(self, status: PacketStatus, payload_bytes: int) -> bytes:
        number = self._packet_number
        self._packet_number = (number + 1) & 0xFF
        return _HEADER.pack(self._kind, status, payload_bytes + HEADER_BYTES, self._spid, number, 0)
