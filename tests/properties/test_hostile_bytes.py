"""Every parser of the wire, fed damaged messages of real clients: it parses, or refuses in the one way that is told apart."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.sandbox.errors import SqlServerError
from etl.sandbox.wire.fields import FieldReader, ProtocolError, decode_unicode
from etl.sandbox.wire.headers import skip_all_headers
from etl.sandbox.wire.login7 import read_login7
from etl.sandbox.wire.packets import Message, MessageAssembler, MessageKind
from etl.sandbox.wire.prelogin import read_prelogin
from etl.sandbox.wire.rpc import read_calls
from etl.sandbox.wire.transactions import read_transaction_request
from tests.sandbox.mutation import damaged
from tests.sandbox.traffic import recorded

MAX_MESSAGE_BYTES = 1 << 20


def read_batch(payload: bytes) -> None:
    fields = FieldReader(payload)
    skip_all_headers(fields)
    decode_unicode(fields.rest())


PARSERS: dict[MessageKind, Callable[[bytes], object]] = {
    MessageKind.SQL_BATCH: read_batch,
    MessageKind.RPC: read_calls,
    MessageKind.TRANSACTION_MANAGER: read_transaction_request,
    MessageKind.LOGIN7: read_login7,
    MessageKind.PRELOGIN: read_prelogin,
}
SEEDS = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("kind", PARSERS, ids=lambda kind: kind.name)
def test_real_messages_are_parsed(kind: MessageKind) -> None:
    found = [sent for sent in recorded() if sent.kind is kind.value]
    assert found
    for sent in found:
        PARSERS[kind](sent.payload)


@pytest.mark.parametrize("kind", PARSERS, ids=lambda kind: kind.name)
def test_damaged_messages_are_parsed_or_refused(kind: MessageKind) -> None:
    own = [sent for sent in recorded() if sent.kind is kind.value]

    @settings(max_examples=600, derandomize=True, deadline=None, database=None)
    @given(sent=st.sampled_from(own), seed=SEEDS)
    def check(sent: object, seed: int) -> None:
        assert sent in own
        data = damaged(own[own.index(sent)], recorded(), Random(seed))
        try:
            messages = MessageAssembler(MAX_MESSAGE_BYTES).feed(data)
        except ProtocolError:
            return
        for message in messages:
            try:
                PARSERS[kind](message.payload)
            except (ProtocolError, SqlServerError):
                continue

    check()


@settings(max_examples=500, derandomize=True, deadline=None, database=None)
@given(kind=st.sampled_from(list(PARSERS)), payload=st.binary(max_size=300))
def test_random_bytes_are_parsed_or_refused(kind: MessageKind, payload: bytes) -> None:
    try:
        PARSERS[kind](payload)
    except (ProtocolError, SqlServerError):
        return


def contents(messages: list[Message]) -> list[tuple[MessageKind, bytes]]:
    return [(message.kind, message.stream.read() if message.stream else message.payload) for message in messages]


@settings(max_examples=300, derandomize=True, deadline=None, database=None)
@given(seed=SEEDS, pieces=st.lists(st.integers(1, 3000), max_size=20))
def test_pieces_of_any_size_give_the_same_messages(seed: int, pieces: list[int]) -> None:
    random = Random(seed)
    data = b"".join(sent.packets(random.choice((17, 504, 4088))) for sent in random.choices(recorded(), k=3))
    whole = MessageAssembler(MAX_MESSAGE_BYTES).feed(data)
    assembler, found, start = MessageAssembler(MAX_MESSAGE_BYTES), [], 0
    for size in [*pieces, len(data)]:
        found += assembler.feed(data[start : start + size])
        start += size
    assert contents(found) == contents(whole)
