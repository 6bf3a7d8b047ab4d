"""Hostile clients: they send damaged messages, and say what the server did that it must not do."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from functools import cache
from random import Random

from etl.sandbox.encryption import EncryptionChoice, encryption_policy
from etl.sandbox.engine import PostgresEngine
from etl.sandbox.outcomes import Interpreter
from etl.sandbox.server import TdsServer, bind
from etl.sandbox.tls import REFUSAL
from etl.sandbox.wire.fields import ProtocolError
from etl.sandbox.wire.packets import HEADER_BYTES, MessageAssembler, MessageKind, read_header
from etl.sandbox.wire.prelogin import Encryption
from tests.sandbox.damaged_texts import TABLE, damaged_text
from tests.sandbox.mutation import damaged
from tests.sandbox.raw_client import Listening, RawClient
from tests.sandbox.tds_bytes import ALL_HEADERS, batch, packet, prelogin
from tests.sandbox.traffic import Sent, recorded

MESSAGES_A_CLIENT = 30
_MAX_MESSAGE_BYTES = 1 << 28
_GREETING = frozenset({MessageKind.PRELOGIN.value, MessageKind.LOGIN7.value})
_DAMAGED_TEXTS = 0.5
"""How much of what a logged-in client sends are whole messages with damaged T-SQL."""
_PRELOGIN_VERSION, _ERROR = 0x00, 0xAA
"""How the payload of the server's PRELOGIN and of a refusal begin."""


class DoorWatch:
    """An engine that counts who gets in."""

    def __init__(self, engine: PostgresEngine) -> None:
        self._engine = engine
        self.let_in = 0

    def login(self, user: str, password: str, database: str) -> Interpreter:
        """See `outcomes.Engine`."""
        interpreter = self._engine.login(user, password, database)
        self.let_in += 1
        return interpreter


@dataclass(frozen=True, slots=True)
class Besieged:
    """A server, its engine, and the count of those who got in."""

    server: TdsServer
    engine: PostgresEngine
    door: DoorWatch


@contextmanager
def besieged(password: str, encryption: EncryptionChoice = "none") -> Iterator[Besieged]:
    """A real sandbox; the recorded clients have the password `secret`, and do not encrypt."""
    with (
        encryption_policy(encryption, "127.0.0.1") as (tls, _),
        PostgresEngine(None, user="sa", password=password, database="sandbox") as engine,
    ):
        door = DoorWatch(engine)
        with TdsServer(door, bind("127.0.0.1", 0), tls=tls) as server:
            yield Besieged(server, engine, door)


def knock(server: Listening, random: Random) -> bytes:
    """One client that does not know the password; returns all that it was told. Raises `TimeoutError` when it hangs."""
    with RawClient(server) as client:
        answers = b""
        for kind in (MessageKind.PRELOGIN, MessageKind.LOGIN7, MessageKind.SQL_BATCH):
            wanted = [sent for sent in recorded() if sent.kind == kind or random.random() < 0.01]
            data = _maybe_damaged(random.choice(wanted), random, 0.4)
            try:
                client.socket.sendall(data)
                if _outlook(data) is not Outlook.ANSWER:
                    break
                answers += client.read_response()
            except ConnectionError:
                return answers
        return answers + _leave(client)


def shake_hands_badly(server: Listening, random: Random) -> bytes:
    """One client that begins TLS and gets it wrong; returns what it was told after PRELOGIN."""
    with RawClient(server) as client:
        client.socket.sendall(packet(MessageKind.PRELOGIN, prelogin(Encryption.ON)))
        client.read_response()
        hello = Sent("", MessageKind.PRELOGIN, 0, _client_hello())
        client.socket.sendall(damaged(hello, recorded(), random))
        if random.random() < 0.5:
            client.socket.sendall(random.choice(recorded()).packets())
        return _leave(client)


@cache
def _client_hello() -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    sent = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), sent).do_handshake()
    return sent.read()


def attack(server: Listening, random: Random) -> int:
    """One client that has logged in and sends damaged messages until it is thrown out; returns how many."""
    messages = [sent for sent in recorded() if sent.kind not in _GREETING or random.random() < 0.05]
    with RawClient(server) as client:
        client.log_in()
        client.ask(1, batch(TABLE))
        for count in range(1, MESSAGES_A_CLIENT + 1):
            try:
                if not _send(client, random.choice(messages), random):
                    return count
            except ConnectionError:
                return count
        return MESSAGES_A_CLIENT


def _send(client: RawClient, sent: Sent, random: Random) -> bool:
    """Send one message and take its answer; False when there is nothing more to say."""
    if random.random() < _DAMAGED_TEXTS:
        text = damaged_text(random).encode("utf-16-le", "replace")
        sent = Sent("", MessageKind.SQL_BATCH, 0, ALL_HEADERS + text)
        data = sent.packets()
    else:
        data = _maybe_damaged(sent, random, 0.9)
    client.socket.sendall(data)
    match _outlook(data):
        case Outlook.ANSWER:
            client.read_response()
            return True
        case Outlook.MORE_PACKETS:
            client.ask(MessageKind.ATTENTION, b"")
            return True
        case Outlook.UNKNOWN:
            _leave(client)
            return False


def _maybe_damaged(sent: Sent, random: Random, probability: float) -> bytes:
    return damaged(sent, recorded(), random) if random.random() < probability else sent.packets()


class Outlook(Enum):
    """What a server makes of bytes."""

    ANSWER = "they are one message, so it answers once"
    MORE_PACKETS = "they are whole packets of an unfinished message, so it waits, and an ATTENTION is answered once"
    UNKNOWN = "it waits for more, or has thrown the client out, or something else"


def _outlook(data: bytes) -> Outlook:
    assembler = MessageAssembler(_MAX_MESSAGE_BYTES)
    try:
        messages = assembler.feed(data)
    except ProtocolError:
        return Outlook.UNKNOWN
    if any(message.kind is MessageKind.ATTENTION for message in messages) or not _whole_packets(data):
        return Outlook.UNKNOWN
    streaming = assembler.stream is not None
    if assembler.inside_message and len(messages) == int(streaming):
        return Outlook.MORE_PACKETS
    return Outlook.ANSWER if len(messages) == 1 and not assembler.inside_message else Outlook.UNKNOWN


def _whole_packets(data: bytes) -> bool:
    while len(data) >= HEADER_BYTES and len(data) >= (length := read_header(data)[2]):
        data = data[length:]
    return not data


def _leave(client: RawClient) -> bytes:
    """Say that nothing more will come, and read on until the server has closed too."""
    try:
        client.socket.shutdown(socket.SHUT_WR)
    except OSError:  # the server was faster
        return b""
    return client.read_to_end()


def check_still_serving(server: Listening) -> None:
    """A well-behaved client is served."""
    with RawClient(server) as client:
        client.log_in()
        assert ("ROW", 1) in client.ask(1, batch("SELECT 1 AS n"))


def refusal_only(answers: bytes) -> bool:
    """Whether all that a client was told is the server's PRELOGIN, and at most a refusal after it."""
    while answers:
        if answers == REFUSAL:  # of TLS before PRELOGIN
            return True
        length = read_header(answers)[2]
        if answers[HEADER_BYTES] not in {_PRELOGIN_VERSION, _ERROR}:
            return False
        answers = answers[length:]
    return True
