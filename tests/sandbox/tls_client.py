"""A TDS client in bytes that negotiates TLS, step by step, so that a test can stop or go wrong at any of them."""

from __future__ import annotations

import socket
import ssl

from etl.sandbox.wire.prelogin import Encryption, read_prelogin
from tests.sandbox.tds_bytes import login7, packet, prelogin
from tests.sandbox.token_reader import Token, read_tokens

WAIT_SEC = 30.0


def trusting(authority: str | None = None) -> ssl.SSLContext:
    """A client's settings: checks certificate and host name against `authority`, or nothing without one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authority is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(authority)
    return context


class TlsClient:
    """What is sent and read is plain until `shake_hands`, and again after `end_tls`."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=WAIT_SEC)
        self._received = bytearray()
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls: ssl.SSLObject | None = None

    def __enter__(self) -> TlsClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    # PRELOGIN and the handshake

    def negotiate(self, encryption: int) -> Encryption:
        """Send PRELOGIN and give the server's word on encryption."""
        self.send(packet(18, prelogin(encryption)))
        return read_prelogin(self.read_message()).encryption

    def shake_hands(
        self, context: ssl.SSLContext | None = None, host: str | None = None, resumed: ssl.SSLSession | None = None
    ) -> ssl.SSLObject:
        """The handshake in PRELOGIN packets."""
        tls = (context or trusting()).wrap_bio(self._incoming, self._outgoing, server_hostname=host, session=resumed)
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                self.socket.sendall(packet(18, self._outgoing.read()))
                self._incoming.write(self.read_message(kind=18))
                continue
            if last := self._outgoing.read():
                # A resumed session ends with the client's word.
                self.socket.sendall(packet(18, last))
            self.tls = tls
            return tls

    def end_tls(self) -> None:
        """Plain from here on, as a client that encrypts its login alone."""
        self.tls = None

    def log_in(self, encryption: int = Encryption.ON) -> list[Token]:
        """The whole way in; whether all is encrypted follows from the server's answer."""
        answer = self.negotiate(encryption)
        if answer is not Encryption.NOT_SUPPORTED:
            self.shake_hands()
        self.send(packet(16, login7()))
        if answer is Encryption.OFF:
            self.end_tls()
        return read_tokens(self.read_packets())

    # Bytes

    def send(self, data: bytes) -> None:
        self.socket.sendall(data if self.tls is None else self.encrypted(data))

    def encrypted(self, data: bytes) -> bytes:
        """`data` as TLS records, not sent yet."""
        assert self.tls is not None
        self.tls.write(data)
        return self._outgoing.read()

    def ask(self, kind: int, payload: bytes) -> list[Token]:
        self.send(packet(kind, payload))
        return read_tokens(self.read_packets())

    def read_packets(self) -> bytes:
        """The packets of one message, with their headers."""
        data = b""
        while True:
            header = self.read_exactly(8)
            data += header + self.read_exactly(int.from_bytes(header[2:4], "big") - 8)
            if header[1] & 1:
                return data

    def read_message(self, kind: int = 4) -> bytes:
        """The payload of a message of one packet."""
        data = self.read_packets()
        assert data[0] == kind
        assert len(data) == int.from_bytes(data[2:4], "big")
        return data[8:]

    def read_exactly(self, size: int) -> bytes:
        while len(self._received) < size:
            part = self._receive()
            assert part, "the server has closed the connection"
            self._received += part
        data = bytes(self._received[:size])
        del self._received[:size]
        return data

    def read_to_end(self) -> bytes:
        """What still comes on the socket, as it is, until the server closes."""
        data = bytes(self._received)
        try:
            while part := self.socket.recv(65536):
                data += part
        except ConnectionResetError:
            return data
        return data

    def _receive(self) -> bytes:
        data = self.socket.recv(65536)
        if self.tls is None or not data:
            return data
        self._incoming.write(data)
        parts = []
        try:
            while part := self.tls.read(65536):
                parts.append(part)
        except ssl.SSLWantReadError:
            return b"".join(parts) or self._receive()
        return b"".join(parts)
