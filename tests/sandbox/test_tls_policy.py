"""Who says what of encryption (MS-TDS 2.2.6.5), and the certificate behind it."""

from __future__ import annotations

import ssl
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from etl.sandbox.certificate import make_certificate
from etl.sandbox.encryption import CertificateError, EncryptionChoice, encryption_policy
from etl.sandbox.server import TdsServer, bind
from etl.sandbox.wire.prelogin import Encryption, Prelogin, Scope, negotiate
from tests.sandbox.scripted import ScriptedEngine
from tests.sandbox.tls_client import TlsClient, trusting

OFF, ON, NOT_SUPPORTED, REQUIRED = Encryption

# The table of MS-TDS 2.2.6.5: by the client's word, the server's answer with its setting at OFF, ON and NOT_SUP.
ANSWERS = {
    OFF: [(OFF, Scope.LOGIN), (REQUIRED, Scope.CONNECTION), (NOT_SUPPORTED, Scope.NOTHING)],
    ON: [(ON, Scope.CONNECTION), (ON, Scope.CONNECTION), (NOT_SUPPORTED, Scope.REFUSED)],
    NOT_SUPPORTED: [(NOT_SUPPORTED, Scope.NOTHING), (REQUIRED, Scope.REFUSED), (NOT_SUPPORTED, Scope.NOTHING)],
    REQUIRED: [(ON, Scope.CONNECTION), (ON, Scope.CONNECTION), (NOT_SUPPORTED, Scope.REFUSED)],
}
ANSWERS_TO_A_CLIENT_CERTIFICATE = {
    OFF: [(OFF, Scope.LOGIN), (REQUIRED, Scope.CONNECTION), (NOT_SUPPORTED, Scope.REFUSED)],
    ON: [(ON, Scope.CONNECTION), (ON, Scope.CONNECTION), (NOT_SUPPORTED, Scope.REFUSED)],
    NOT_SUPPORTED: [(REQUIRED, Scope.REFUSED), (REQUIRED, Scope.REFUSED), (REQUIRED, Scope.REFUSED)],
    REQUIRED: [(ON, Scope.CONNECTION), (ON, Scope.CONNECTION), (NOT_SUPPORTED, Scope.REFUSED)],
}


@pytest.mark.parametrize("client", Encryption)
def test_every_client_gets_the_documented_answer(client: Encryption) -> None:
    for table, certificate in ((ANSWERS, False), (ANSWERS_TO_A_CLIENT_CERTIFICATE, True)):
        asked = Prelogin(client, client_certificate=certificate)
        assert [negotiate(asked, server) for server in (OFF, ON, NOT_SUPPORTED)] == table[client]


@contextmanager
def serving(certificate: Path | None = None, key: Path | None = None) -> Iterator[tuple[TdsServer, Path]]:
    with (
        encryption_policy("required", "127.0.0.1", certificate, key) as (policy, trusted),
        TdsServer(ScriptedEngine(), bind("127.0.0.1", 0), tls=policy) as server,
    ):
        assert trusted is not None
        yield server, trusted


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_the_certificate_made_at_start_can_be_checked(host: str) -> None:
    with serving() as (server, authority), TlsClient(server.port) as client:
        client.negotiate(ON)
        tls = client.shake_hands(trusting(str(authority)), host)
        assert tls.version() == "TLSv1.2"


def test_another_host_or_another_sandbox_is_not_trusted() -> None:
    with serving() as (server, authority), serving() as (_, other):
        for trusted, host, reason in (
            (authority, "sales.example.com", "Hostname mismatch"),
            (other, "localhost", "unable to get local issuer"),
        ):
            with TlsClient(server.port) as client:
                client.negotiate(ON)
                with pytest.raises(ssl.SSLCertVerificationError, match=reason):
                    client.shake_hands(trusting(str(trusted)), host)


def test_no_key_stays_on_disk() -> None:
    with encryption_policy("optional", "127.0.0.1") as (_, authority):
        assert authority is not None
        assert [file.name for file in authority.parent.iterdir()] == ["authority.pem"]
        assert b"KEY" not in authority.read_bytes()
        assert stat.S_IMODE(authority.parent.stat().st_mode) == 0o700
    assert not authority.parent.exists()


def test_the_key_is_encrypted_wherever_it_is() -> None:
    made = make_certificate("127.0.0.1")
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in made.server_pem
    assert made.key_password.decode() not in repr(made)
    with pytest.raises(ValueError, match="password"):
        serialization.load_pem_private_key(made.server_pem, b"guess")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "bücher"])
def test_a_host_that_no_certificate_can_name_is_left_out(host: str) -> None:
    certificate = x509.load_pem_x509_certificate(make_certificate(host).server_pem)
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    names = {*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))}
    assert {"localhost", "127.0.0.1", "::1"} <= names
    assert host not in names


@pytest.fixture
def given(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate and its key in files, as a user has them."""
    made = make_certificate("127.0.0.1")
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    certificate.write_bytes(made.server_pem.partition(b"-----BEGIN ENCRYPTED")[0] + made.authority_pem)
    plain = serialization.load_pem_private_key(made.server_pem, made.key_password)
    key.write_bytes(
        plain.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, key


def test_a_given_certificate_is_the_one_that_clients_see(given: tuple[Path, Path]) -> None:
    certificate, key = given
    with serving(certificate, key) as (server, trusted), TlsClient(server.port) as client:
        assert trusted == certificate
        client.negotiate(ON)
        tls = client.shake_hands(trusting(str(certificate)), "localhost")
        seen = tls.getpeercert(binary_form=True)
    assert seen == ssl.PEM_cert_to_DER_cert(
        certificate.read_text().partition("-----END")[0] + "-----END CERTIFICATE-----\n"
    )


def test_a_given_certificate_may_hold_its_key(given: tuple[Path, Path]) -> None:
    certificate, key = given
    certificate.write_bytes(key.read_bytes() + certificate.read_bytes())
    with serving(certificate) as (server, _), TlsClient(server.port) as client:
        client.negotiate(ON)
        client.shake_hands()


def test_certificates_that_cannot_be_used_are_told(given: tuple[Path, Path], tmp_path: Path) -> None:
    certificate, key = given
    (tmp_path / "text.pem").write_text("no certificate")
    (tmp_path / "locked.pem").write_bytes(make_certificate("127.0.0.1").server_pem)
    attempts: list[tuple[EncryptionChoice, Path | None, Path | None, str]] = [
        ("optional", certificate, None, "certificate.pem"),
        ("optional", tmp_path / "text.pem", key, "text.pem"),
        ("optional", tmp_path / "locked.pem", None, "locked.pem"),
        ("optional", tmp_path / "locked.pem", key, "locked.pem.*KEY_VALUES_MISMATCH"),
        ("optional", tmp_path / "missing.pem", key, r"missing\.pem.*No such file"),
        ("optional", None, key, "a key without its certificate"),
        ("none", certificate, key, "a certificate without encryption"),
    ]
    for choice, given_certificate, given_key, reason in attempts:
        with (
            pytest.raises(CertificateError, match=reason),
            encryption_policy(choice, "127.0.0.1", given_certificate, given_key),
        ):
            pytest.fail("served")


def test_an_unknown_choice_is_told() -> None:
    with pytest.raises(ValueError, match="one of none, optional, required"), encryption_policy("maybe", ""):  # type: ignore[arg-type]
        pytest.fail("served")
