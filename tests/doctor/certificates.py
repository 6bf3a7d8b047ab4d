"""Certificates with one thing wrong, and a server that shows one."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from etl.sandbox.encryption import EncryptionChoice, encryption_policy
from etl.sandbox.server import TdsServer, bind
from tests.sandbox.scripted import ScriptedEngine

DAY = dt.timedelta(days=1)
YEAR = 365 * DAY


def make_certificate(
    folder: Path, *, name: str = "127.0.0.1", since: dt.timedelta = -DAY, until: dt.timedelta = YEAR
) -> Path:
    """A self-signed certificate for a name or address, with its key, valid from and to so long from now. A PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + since)
        .not_valid_after(now + until)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_general_name(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    file.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@contextmanager
def showing(certificate: Path | None, encryption: EncryptionChoice = "optional") -> Iterator[int]:
    """A server without a database behind it: whoever gets past the certificate meets nothing. Gives its port."""
    with (
        encryption_policy(encryption, "127.0.0.1", certificate) as (policy, _),
        TdsServer(ScriptedEngine(), bind("127.0.0.1", 0), tls=policy) as server,
    ):
        yield server.port
