"""Passwords of SQL logins: kept as salted hashes, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from dataclasses import dataclass, field

from etl.sandbox.errors import SqlServerError

_SALT_BYTES = 16
_COST = 2**12
"""scrypt's N: 4 MiB and some ten milliseconds, so that a guess is not free and a login still quick."""
_SHORTEST = 8
_KINDS_NEEDED = 3


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """What is kept of a password."""

    salt: bytes
    digest: bytes = field(repr=False)


NOBODY = PasswordHash(b"\0" * _SALT_BYTES, b"")
"""No password has this hash: what is verified for a login that does not exist, so that it takes as long."""


def hash_password(password: str, salt: bytes | None = None) -> PasswordHash:
    """The hash to keep, with a fresh salt when none is given."""
    salt = salt if salt is not None else secrets.token_bytes(_SALT_BYTES)
    return PasswordHash(salt, hashlib.scrypt(password.encode(), salt=salt, n=_COST, r=8, p=1))


class PasswordChecker:
    """Verifies passwords. Remembers for the life of the process, keyed by a secret of its own, which pair was right before.

    A wrong password takes the same time whether or not its login exists. Thread-safe.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._right: set[bytes] = set()
        self._lock = threading.Lock()

    def matches(self, password: str, kept: PasswordHash) -> bool:
        """Whether `kept` is this password's hash."""
        ticket = hmac.digest(self._key, kept.salt + kept.digest + password.encode(), "sha256")
        with self._lock:
            if ticket in self._right:
                return True
        found = hash_password(password, kept.salt)
        if not hmac.compare_digest(found.digest, kept.digest):
            return False
        with self._lock:
            self._right.add(ticket)
        return True


def check_policy(login: str, password: str) -> None:
    """CHECK_POLICY = ON as SQL Server on Linux applies it. Errors 15116 (too short) and 15118 (not complex enough).

    https://learn.microsoft.com/sql/relational-databases/security/password-policy
    """
    failed = (
        "Password validation failed. The password does not meet SQL Server password policy requirements because it is"
    )
    if len(password) < _SHORTEST:
        raise SqlServerError(
            15116, f"{failed} too short. The password must be at least {_SHORTEST} characters.", ends_batch=True
        )
    kinds = (
        any(character.isupper() for character in password),
        any(character.islower() for character in password),
        any(character.isdigit() for character in password),
        any(not character.isalnum() for character in password),
    )
    if sum(kinds) < _KINDS_NEEDED or login.lower() in password.lower():
        raise SqlServerError(
            15118,
            f"{failed} not complex enough. The password must be at least {_SHORTEST} characters long and contain characters"
            " from three of the following four sets: Uppercase letters, Lowercase letters, Base 10 digits, and Symbols.",
            ends_batch=True,
        )
