"""The way over the network: the name, the port, and whether a SQL Server answers there. No driver takes part."""

from __future__ import annotations

import socket
import time

from etl.doctor import prelogin
from etl.doctor.case import Case
from etl.doctor.findings import Finding, fail, ok
from etl.doctor.prelogin import TIMEOUT_SEC, NotTds

DRIVER_KNOWS = "only the driver knows host and port (a data source or a named instance)"


def name(case: Case) -> Finding:
    """Whether the host's name resolves."""
    if case.server is None:
        return ok(DRIVER_KNOWS, "The login shows whether they are right.")
    host, port = case.server
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        return fail(
            f"the name {host} does not resolve: {error}",
            "No server of this name is known here.",
            "Correct the host in the URL, or ask for its entry in DNS; a VPN may be missing.",
        )
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    return ok(f"{host} is {', '.join(addresses)}")


def port(case: Case) -> Finding:
    """Whether anything accepts connections there, and how far away it is."""
    if case.server is None:
        return ok(DRIVER_KNOWS, "The login shows whether they are right.")
    host, number = case.server
    began = time.perf_counter()
    try:
        with socket.create_connection((host, number), timeout=TIMEOUT_SEC) as link:
            case.host = str(link.getpeername()[0])
    except ConnectionRefusedError:
        return fail(
            f"{host} refuses connections on port {number}",
            "The machine answers, and nothing listens on this port.",
            "Correct the port in the URL (1433 is the default of an unnamed instance). SQL Server's own is in SQL Server "
            "Configuration Manager, TCP/IP; there TCP/IP must be enabled, and the service be running.",
        )
    except OSError as error:
        return fail(
            f"no connection to {host}, port {number}: {error}",
            "Nothing answers: a firewall drops it, the machine is off, or the network has no way there.",
            "Open the port in the firewalls on the way; check a VPN.",
        )
    return ok(f"{case.host}, port {number} accepts connections, in {(time.perf_counter() - began) * 1000:.1f} ms")


def protocol(case: Case) -> Finding:
    """Whether it is a SQL Server that answers, and what it says of encryption."""
    if case.server is None:
        return ok(DRIVER_KNOWS, "The login shows whether they are right.")
    host, number = case.server
    try:
        with socket.create_connection((host, number), timeout=TIMEOUT_SEC) as link:
            answer = prelogin.ask(link)
    except (NotTds, OSError) as error:
        return fail(
            f"what listens on {host}, port {number} does not speak SQL Server's protocol: {error}",
            "Another service has this port; or the server takes only TDS 8.0 (`Force Strict Encryption`), which FreeTDS lacks.",
            "Correct the port; or let the server take clients of TDS 7.4 too.",
        )
    case.offers_encryption = answer.offers_encryption
    said = "no encryption"
    if answer.offers_encryption:
        said = "encryption demanded of every client" if answer.insists_on_encryption else "encryption offered"
    return ok(f"a SQL Server answers: version {answer.version}, {said}")
