"""Hosts and ports, as URLs and FreeTDS's files have them."""

from __future__ import annotations

import ipaddress

DEFAULT_PORT = 1433
LAST_PORT = 65_535


def is_address(host: str) -> bool:
    """Whether it is an address of IP, version 4 or 6, and no name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether what goes there never leaves this machine."""
    return host.lower() == "localhost" or (is_address(host) and ipaddress.ip_address(host).is_loopback)
