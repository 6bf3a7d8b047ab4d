"""TLS on bytes: what the server may say of it, and one client's session. No sockets and no TDS here."""

from __future__ import annotations

import ssl
import threading
from dataclasses import dataclass

from etl.sandbox.wire.prelogin import Encryption

_READ_BYTES = 1 << 16
_NO_APPLICATION_PROTOCOL = 120

HANDSHAKE_RECORD = b"\x16"
"""The first byte of a TLS ClientHello: so begins a client of TDS 8.0 (MS-TDS 3.3.5.1)."""

REFUSAL = bytes((0x15, 3, 3, 0, 2, 2, _NO_APPLICATION_PROTOCOL))
"""A fatal TLS alert: the client's protocol, `tds/8.0`, is not spoken here (RFC 7301 3.2)."""


class TlsError(Exception):
    """The client's bytes are not what TLS expects, or it has ended the session."""


@dataclass(frozen=True, slots=True)
class TlsPolicy:
    """What the server says of TLS. `encryption` is OFF, ON or NOT_SUPPORTED (MS-TDS 2.2.6.5); the first two need `context`."""

    encryption: Encryption = Encryption.NOT_SUPPORTED
    context: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        if self.encryption is Encryption.REQUIRED or (self.encryption is Encryption.NOT_SUPPORTED) != (
            self.context is None
        ):
            raise ValueError(
                f"encryption {self.encryption.name} {'without' if self.context is None else 'with'} a certificate"
            )


NO_TLS = TlsPolicy()


def server_context(certificate: str, key: str | None = None, password: bytes = b"") -> ssl.SSLContext:
    """The settings of every session, from PEM files; `key` None says that it is in `certificate` too.

    `password` is the key's; without any, OpenSSL would ask the terminal for that of an encrypted key.
    Raises `OSError`, also for files that hold something else (`ssl.SSLError` is one).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # SQL Server speaks 1.3 only in TDS 8.0. Its handshake would not fit in here either: a 1.3 client sends its LOGIN7 without
    # waiting for our last word, and session tickets would come after it, when a login-only client reads plain TDS again.
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    context.load_cert_chain(certificate, key, password)
    return context


class TlsSession:
    """One client's TLS. One thread may receive while another sends; the handshake comes first, on one thread."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._session = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        # OpenSSL's sessions are not thread-safe.
        self._lock = threading.Lock()
        self.established = False

    def shake_hands(self, data: bytes) -> bytes:
        """Go on with the handshake: what the client sent, and what it must be sent. Raises `TlsError`."""
        self._incoming.write(data)
        try:
            self._session.do_handshake()
        except ssl.SSLWantReadError:
            return self._outgoing.read()
        except ssl.SSLError as error:
            raise TlsError(_reason(error)) from error
        self.established = True
        return self._outgoing.read()

    def put(self, data: bytes) -> None:
        """Take bytes of the client that are read later."""
        with self._lock:
            self._incoming.write(data)

    def decrypt(self, data: bytes) -> bytes:
        """The text of the records that `data` completes; empty where it completes none. Raises `TlsError`."""
        parts = []
        with self._lock:
            self._incoming.write(data)
            try:
                while part := self._next_record():
                    parts.append(part)
            except TlsError:
                # What came before the end counts, as it does on a plain connection.
                if not parts:
                    raise
        return b"".join(parts)

    def decrypt_one(self, data: bytes) -> bytes:
        """As `decrypt`, but no further than one record: what follows may not be TLS any more."""
        with self._lock:
            self._incoming.write(data)
            return self._next_record()

    def _next_record(self) -> bytes:
        try:
            part = self._session.read(_READ_BYTES)
        except ssl.SSLWantReadError:
            return b""
        except ssl.SSLError as error:
            raise TlsError(_reason(error)) from error
        if not part:
            raise TlsError("the client has ended the session")
        return part

    def encrypt(self, data: bytes) -> bytes:
        """`data` as records. Raises `TlsError` once the session has failed."""
        with self._lock:
            try:
                self._session.write(data)
            except ssl.SSLError as error:
                raise TlsError(_reason(error)) from error
            return self._outgoing.read()

    def unread(self) -> bytes:
        """Bytes that came after the last record that was read."""
        return self._incoming.read()


def _reason(error: ssl.SSLError) -> str:
    return f"TLS: {error.reason or error}"
