"""The certificate that the server shows, and whether the connection checks it. No driver takes part."""

from __future__ import annotations

import socket
import ssl
import time

from etl.doctor import prelogin
from etl.doctor.case import Case
from etl.doctor.findings import Finding, fail, ok, warn
from etl.doctor.network import DRIVER_KNOWS
from etl.doctor.prelogin import ENCRYPT_ON, TIMEOUT_SEC, NotTds
from etl.errors import ConnectError
from etl.odbc.profiles import SYSTEM_AUTHORITIES

EXPIRES_SOON_DAYS = 30

REASONS = {
    9: "it is not valid yet",
    10: "it has expired",
    18: "it is self-signed, and not among the trusted ones",
    19: "its chain ends in an authority that is not trusted",
    20: "its authority is not trusted",
    21: "its authority is not trusted",
    62: "it is for another host name",
    64: "it is for another address",
}
"""OpenSSL's numbers of verification errors (`include/openssl/x509_vfy.h`)."""
FIXES = {
    9: "Compare the clocks of this machine and the server.",
    10: "Give the server a new certificate (SQL Server Configuration Manager, Protocols, Certificate).",
    62: "Use a host name that the certificate has, give the server one with this name, or check_hostname=no in the URL.",
    64: "Use the host name that the certificate has, or check_hostname=no in the URL.",
}
TLS_12 = "See the server's protocols and ciphers: TLS 1.2 must be among them."
OTHER_FIX = (
    "Give ca_file= the file of the authority that signed the server's certificate (PEM), or the certificate itself."
)


def check(case: Case) -> Finding:
    """Make a TLS handshake as the connection would, and check the certificate as it is told to."""
    if case.server is None:
        return ok(DRIVER_KNOWS, "The step `encryption` shows what was agreed.")
    ca_file = case.security.ca_file
    if not case.offers_encryption:
        if case.security.level == "require":
            return fail(
                "the server offers no encryption, and the connection demands it",
                "It would not be made. SQL Server always offers it: this is another product, or a proxy before it.",
                "Turn encryption on at the server; where the network is trusted, Encryption=off in the URL.",
            )
        return warn(
            "the server offers no encryption",
            "Password and rows can be read by whoever is on the way.",
            "Turn encryption on at the server and use Encryption=require in the URL.",
        )
    if ca_file:
        return _checked(case, ca_file)
    return _unchecked(case)


def _trusting(ca_file: str, *, checks_host: bool) -> ssl.SSLContext:
    """The checks that FreeTDS makes with this CA file. Raises ConnectError for a file that holds no certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = checks_host
    if ca_file == SYSTEM_AUTHORITIES:
        context.load_default_certs()
        return context
    try:
        context.load_verify_locations(ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise ConnectError(f"ca_file={ca_file} cannot be used: {error}", advice=OTHER_FIX) from error
    return context


def _checked(case: Case, ca_file: str) -> Finding:
    context = _trusting(ca_file, checks_host=case.security.checks_host)
    try:
        days = _days_left(case, context)
    except ssl.SSLCertVerificationError as error:
        reason = REASONS.get(error.verify_code, error.verify_message)
        return fail(
            f"the server's certificate does not hold: {reason}",
            f"Checked against {ca_file}: {error.verify_message}. The connection would not be made.",
            FIXES.get(error.verify_code, OTHER_FIX),
        )
    except (OSError, NotTds) as error:
        return fail(f"TLS cannot be agreed: {error}", "The connection would not be made.", TLS_12)
    names = "and host name " if context.check_hostname else ""
    found = f"certificate {names}checked against {ca_file}; valid for {days} more days"
    if not context.check_hostname:
        return warn(
            found + ", its host name is not checked",
            "Any server with a certificate of this authority is taken.",
            "check_hostname=yes in the URL.",
        )
    if days < EXPIRES_SOON_DAYS:
        return warn(found, "From then on no connection that checks it is made.", FIXES[10])
    return ok(found)


def _unchecked(case: Case) -> Finding:
    meaning = "Whoever can answer in the server's place can read and change what is sent, the password too."
    try:
        _days_left(case, _trusting(SYSTEM_AUTHORITIES, checks_host=True))
    except ssl.SSLCertVerificationError as error:
        reason = REASONS.get(error.verify_code, error.verify_message)
        return warn(
            "the server's certificate is not checked",
            f"{meaning} The system's authorities do not vouch for it: {reason}.",
            "Add ca_file=PATH to the URL, the PEM file of the authority that signed it.",
        )
    except (OSError, NotTds) as error:
        return warn(
            f"the server's certificate could not be seen: {error}",
            "The driver's own TLS may still agree with the server's; the step `login` shows it.",
            TLS_12,
        )
    return warn("the server's certificate is not checked", meaning, "Add ca_file=system to the URL: that would hold.")


def _days_left(case: Case, context: ssl.SSLContext) -> int:
    """Shake hands under the context's checks, and say for how many days the certificate is valid."""
    assert case.server is not None
    # TLS 1.3 came with TDS 8.0.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection(case.server, timeout=TIMEOUT_SEC) as link:
        case.agrees_to_encrypt = prelogin.ask(link, ENCRYPT_ON).insists_on_encryption
        shown = prelogin.shake_hands(link, context, case.server[0]).getpeercert()
    assert shown is not None
    return int((ssl.cert_time_to_seconds(str(shown["notAfter"])) - time.time()) // 86_400)
