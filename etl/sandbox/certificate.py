"""The certificate that the sandbox makes for itself when it starts."""

from __future__ import annotations

import datetime as dt
import ipaddress
import secrets
import socket
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_VALID_DAYS = 825
"""The longest that every client's TLS library accepts of a server."""
_CLOCKS_DIFFER_BY = dt.timedelta(days=1)
_HOSTS = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class MadeCertificate:
    """A server's certificate with its key, and the authority that signed it, whose own key exists no more."""

    authority_pem: bytes
    """What a client must trust."""
    server_pem: bytes = field(repr=False)
    """The server's certificate and its key; the key is encrypted, so that it may stand in a file for a moment."""
    key_password: bytes = field(repr=False)


def make_certificate(host: str) -> MadeCertificate:
    """Make a certificate for this machine's names and for `host`, the address that the server listens on."""
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"sandbox {secrets.token_hex(4)}")])
    authority = (
        _unsigned(issuer, issuer, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    # python-tds knows the host by this name only.
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    certificate = (
        _unsigned(subject, issuer, key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(_names(host)), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
            critical=False,
        )
        .sign(authority_key, hashes.SHA256())
    )
    password = secrets.token_hex(32).encode()
    key_pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password),
    )
    pem = serialization.Encoding.PEM
    return MadeCertificate(authority.public_bytes(pem), certificate.public_bytes(pem) + key_pem, password)


def _unsigned(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_DIFFER_BY)
        .not_valid_after(now + dt.timedelta(days=_VALID_DAYS) - _CLOCKS_DIFFER_BY)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _names(host: str) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = []
    for name in dict.fromkeys((*_HOSTS, socket.gethostname(), host)):
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            # A machine may carry a name that no certificate can; a server on all addresses has none.
            if name and name.isascii():
                names.append(x509.DNSName(name))
            continue
        if address.is_unspecified:
            continue
        names.append(x509.IPAddress(address))
        if address.version == 4:
            # Microsoft's ODBC driver compares an address with the DNS names only.
            names.append(x509.DNSName(name))
    return names
