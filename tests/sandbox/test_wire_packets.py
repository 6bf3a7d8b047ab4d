"""Framing: bytes in pieces into messages, messages into packets (MS-TDS 2.2.3)."""

from __future__ import annotations

import pytest

from etl.sandbox.wire.fields import FieldReader, ProtocolError
from etl.sandbox.wire.headers import skip_all_headers
from etl.sandbox.wire.packets import Message, MessageAssembler, MessageKind, PacketStatus, PacketWriter
from etl.sandbox.wire.streaming import StreamCutError
from tests.sandbox.tds_bytes import ALL_HEADERS, packet, packets


def test_a_message_in_single_bytes_is_one_message() -> None:
    assembler = MessageAssembler(100)
    messages = [message for byte in packet(1, b"hello") for message in assembler.feed(bytes((byte,)))]
    assert messages == [Message(MessageKind.SQL_BATCH, b"hello", PacketStatus.END_OF_MESSAGE)]


def test_packets_of_a_message_are_joined_and_the_first_ones_status_kept() -> None:
    data = packet(3, b"abc", 0x08) + packet(3, b"def", 0x01) + packet(6, b"")
    assert MessageAssembler(100).feed(data) == [
        Message(MessageKind.RPC, b"abcdef", PacketStatus.RESET_CONNECTION),
        Message(MessageKind.ATTENTION, b""),
    ]


def test_an_ignored_message_is_dropped() -> None:
    assert MessageAssembler(100).feed(packet(1, b"abc", 0) + packet(1, b"", 3) + packet(1, b"x")) == [
        Message(MessageKind.SQL_BATCH, b"x", PacketStatus.END_OF_MESSAGE)
    ]


def test_an_attention_forgets_the_message_that_was_being_sent() -> None:
    data = packet(1, b"abc", 0) + packet(6, b"") + packet(3, b"x")
    assert [message.payload for message in MessageAssembler(100).feed(data)] == [b"", b"x"]


def test_a_bulk_load_is_given_with_its_first_packet_and_filled_with_the_others() -> None:
    assembler = MessageAssembler(10)
    first, *others = (packets(7, bytes(1000), 100)[start : start + 108] for start in range(0, 1080, 108))
    (message,) = assembler.feed(first)
    assert message.kind is MessageKind.BULK_LOAD
    assert message.stream is not None
    assert message.stream.read() == bytes(100)
    assert assembler.feed(b"".join(others)) == []
    assert (message.stream.read(), message.stream.read()) == (bytes(900), b"")


def test_an_attention_names_the_bulk_load_that_it_cuts_off() -> None:
    bulk, attention = MessageAssembler(10).feed(packet(7, b"rows", 0) + packet(6, b""))
    assert bulk.stream is attention.stream is not None


def test_an_ignored_bulk_load_is_cut_off() -> None:
    (message,) = MessageAssembler(10).feed(packet(7, b"rows", 0) + packet(7, b"", 3))
    assert message.stream is not None
    with pytest.raises(StreamCutError):
        message.stream.read()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x01\x01\x00\x07\0\0\0\0", "packet length 7"),
        (b"\x01\x01\x80\x00\0\0\0\0", "packet length 32768"),
        (b"GET / HTTP/1.1\r\n", "packet"),
        (packet(4, b""), "packet type 4"),
        (packet(1, b"a", 0) + packet(3, b"b"), "a packet of type 3 inside a message of type 1"),
        (packets(1, bytes(101), 50), "a message of more than 100 bytes"),
    ],
)
def test_what_is_not_tds_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ProtocolError, match=reason):
        MessageAssembler(100).feed(data)


@pytest.mark.parametrize("size", [0, 1, 503, 504, 505, 1008, 1009, 5000])
def test_written_messages_fill_their_packets_and_end_once(size: int) -> None:
    sent = bytearray()
    writer = PacketWriter(sent.extend, 512, spid=51)
    payload = bytes(index & 0xFF for index in range(size))
    for start in range(0, size, 100):
        writer.write(payload[start : start + 100])
    writer.finish()
    found, statuses, numbers = bytearray(), [], []
    while sent:
        length = int.from_bytes(sent[2:4], "big")
        assert sent[0] == MessageKind.RESPONSE
        assert int.from_bytes(sent[4:6], "big") == 51
        statuses.append(sent[1])
        numbers.append(sent[6])
        found += sent[8:length]
        assert length == 512 or sent[1] == 1
        del sent[:length]
    assert found == payload
    assert statuses == [0] * (len(statuses) - 1) + [1]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_full_packet_is_sent_before_the_message_ends() -> None:
    sent: list[bytes] = []
    writer = PacketWriter(sent.append, 512)
    writer.write(bytes(504))
    assert sent == []
    writer.write(b"x")
    assert [len(data) for data in sent] == [512]


def test_headers_are_stepped_over() -> None:
    fields = FieldReader(ALL_HEADERS + b"rest")
    skip_all_headers(fields)
    assert fields.rest() == b"rest"


@pytest.mark.parametrize(
    "data", [b"", b"\x03\0\0\0", b"\xff\xff\xff\xff", b"\x0a\0\0\0\x05\0\0\0\0\0", b"\x0a\0\0\0\x20\0\0\0\0\0"]
)
def test_headers_with_wrong_lengths_are_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        skip_all_headers(FieldReader(data))
