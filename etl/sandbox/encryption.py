"""From what the user says of encryption to what the server does: the policy, and the certificate behind it."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, get_args

from etl.sandbox.certificate import make_certificate
from etl.sandbox.tls import NO_TLS, TlsPolicy, server_context
from etl.sandbox.wire.prelogin import Encryption

EncryptionChoice = Literal["none", "optional", "required"]
"""`none` has no TLS, and a client that insists on it leaves (ENCRYPT_NOT_SUP). `optional` leaves it to the client whether all
is encrypted, and its login is wherever it can (ENCRYPT_OFF, what SQL Server does unless told otherwise). `required` cuts off
who does not encrypt everything (ENCRYPT_ON, "Force Encryption")."""


class CertificateError(Exception):
    """The certificate or its key cannot be used."""


@contextmanager
def encryption_policy(
    choice: EncryptionChoice, host: str, certificate: Path | None = None, key: Path | None = None
) -> Iterator[tuple[TlsPolicy, Path | None]]:
    """The server's policy, and the PEM file by which a client can trust it; None without TLS.

    Without a `certificate` (PEM, which holds the key too when `key` is None) one is made for `host` and this machine's names;
    its file goes away with the context. Raises `CertificateError`, and `ValueError` for an unknown choice.
    """
    if choice not in get_args(EncryptionChoice):
        raise ValueError(f"encryption is one of {', '.join(get_args(EncryptionChoice))}, not {choice!r}")
    if choice == "none" and certificate is not None:
        raise CertificateError("a certificate without encryption")
    if certificate is None and key is not None:
        raise CertificateError("a key without its certificate")
    if choice == "none":
        yield NO_TLS, None
        return
    encryption = Encryption.ON if choice == "required" else Encryption.OFF
    if certificate is not None:
        yield TlsPolicy(encryption, _given(certificate, key)), certificate
        return
    with tempfile.TemporaryDirectory(prefix="etl-sandbox-certificate-") as folder:
        context, authority = _made(host, Path(folder))
        yield TlsPolicy(encryption, context), authority


def _given(certificate: Path, key: Path | None) -> ssl.SSLContext:
    try:
        return server_context(str(certificate), None if key is None else str(key))
    except OSError as error:
        # ssl.SSLError, of files that do not hold what they should, is an OSError with no message of its own.
        reason = getattr(error, "reason", None) or error.strerror or str(error)
        raise CertificateError(f"{certificate}{'' if key is None else f' and {key}'}: {reason}") from error


def _made(host: str, folder: Path) -> tuple[ssl.SSLContext, Path]:
    made = make_certificate(host)
    # ssl takes keys from files only: this one is encrypted, in a folder of ours alone, and gone once it is read.
    server = folder / "server.pem"
    server.write_bytes(made.server_pem)
    try:
        context = server_context(str(server), password=made.key_password)
    finally:
        server.unlink()
    authority = folder / "authority.pem"
    authority.write_bytes(made.authority_pem)
    return context, authority
