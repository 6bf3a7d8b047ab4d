"""Certificates for tests: an authority with those that it signs, and self-signed ones."""

from __future__ import annotations

import datetime as dt
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PEM = serialization.Encoding.PEM
DAY = dt.timedelta(days=1)
MONTH, YEAR = 30 * DAY, 365 * DAY
AN_AUTHORITY = x509.BasicConstraints(ca=True, path_length=None)
NO_AUTHORITY = x509.BasicConstraints(ca=False, path_length=None)
Key = ec.EllipticCurvePrivateKey


class Authority:
    """A company's own CA."""

    def __init__(self, name: str) -> None:
        self._name = _named(name)
        self._key = _key()
        self._certificate = _signed(self._key, self._key, self._name, self._name, AN_AUTHORITY)

    def write(self, path: Path) -> Path:
        """Its certificate, which a client has to trust, as a file."""
        path.write_bytes(self._certificate.public_bytes(PEM))
        return path

    def write_server(self, path: Path, host: str, *, until: dt.timedelta = MONTH) -> Path:
        """A certificate for a host, valid so long from now, with its key, as a file."""
        key = _key()
        names = x509.SubjectAlternativeName([_host(host)])
        return _write(path, _signed(self._key, key, self._name, _named(host), NO_AUTHORITY, names, until=until), key)


def write_self_signed(path: Path, host: str, *, since: dt.timedelta = -DAY, until: dt.timedelta = YEAR) -> Path:
    """A self-signed certificate for a name or address, with its key, valid from and to so long from now, as a file."""
    key, name = _key(), _named("test")
    names = x509.SubjectAlternativeName([_host(host)])
    return _write(path, _signed(key, key, name, name, AN_AUTHORITY, names, since=since, until=until), key)


def _key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _signed(
    signer: Key,
    key: Key,
    issuer: x509.Name,
    subject: x509.Name,
    *extensions: x509.ExtensionType,
    since: dt.timedelta = -MONTH,
    until: dt.timedelta = MONTH,
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + since)
        .not_valid_after(now + until)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    return builder.sign(signer, hashes.SHA256())


def _write(path: Path, certificate: x509.Certificate, key: Key) -> Path:
    private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(certificate.public_bytes(PEM) + private)
    return path
