"""Secrets that stand elsewhere: `env:NAME`, `file:PATH`, `keyring:SERVICE/USER`, in flows also `block:NAME` name where."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from etl import extras
from etl.errors import JobError

OTHERS = stat.S_IRWXG | stat.S_IRWXO
BLOCK = "block"
"""The kind of place that is one of Prefect's, and that only a flow's process can read."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for, in words for messages, and where variables are."""

    what: str
    example: str
    environment: Mapping[str, str]


def is_kept(text: str) -> bool:
    """Whether the text names a place, and so is no secret itself."""
    return text.partition(":")[0] in FETCHERS


def fetch(place: str, wanted: Wanted) -> str:
    """What is kept there. Raises JobError where there is nothing, or where others may read it."""
    kind, _, name = place.partition(":")
    found = FETCHERS[kind](name, wanted)
    if not found:
        raise JobError(f"no {wanted.what}: {place} is empty", advice=f"Put it there, for example {wanted.example}.")
    return found


def _from_environment(name: str, wanted: Wanted) -> str:
    found = wanted.environment.get(name, "")
    if not found:
        raise JobError(
            f"no {wanted.what}: the environment variable {name} is not set", advice=f"Export {name}={wanted.example}."
        )
    return found


def _from_file(name: str, wanted: Wanted) -> str:
    path = Path(name).expanduser()
    try:
        with path.open(encoding="utf-8") as file:
            # Of the file that is open, not of one that has come in its place.
            state = os.fstat(file.fileno())
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise JobError(
            f"no {wanted.what}: {path} cannot be read: {reason}", advice="Check the path and its owner."
        ) from None
    if stat.S_IMODE(state.st_mode) & OTHERS:
        raise JobError(
            f"no {wanted.what}: others than its owner may read or write {path} (mode {stat.S_IMODE(state.st_mode):04o})",
            advice=f"chmod 600 {path}",
        )
    if state.st_uid not in {os.geteuid(), 0}:
        raise JobError(f"no {wanted.what}: {path} belongs to somebody else", advice="Keep it in a file of your own.")
    return text.removesuffix("\n").removesuffix("\r")


def _from_keyring(name: str, wanted: Wanted) -> str:
    service, _, user = name.rpartition("/")
    if not service or not user:
        raise JobError(f"no {wanted.what}: keyring:{name} names no user", advice="Write keyring:SERVICE/USER.")
    with extras.needed("keyring", f"keyring:{name}", "keyring"):
        import keyring
        import keyring.errors
    try:
        return keyring.get_password(service, user) or ""
    except keyring.errors.KeyringError as error:
        raise JobError(f"no {wanted.what}: the keyring says: {error}", advice="Is it unlocked?") from None


def is_in_block(place: str) -> bool:
    """Whether a Prefect block keeps it, which only flows read."""
    return place.startswith(f"{BLOCK}:")


def block_variable(name: str) -> str:
    """The environment variable into which a flow puts what a Prefect block holds."""
    # Names of blocks, and of their types, are of lowercase letters, digits and dashes.
    return f"ETL_BLOCK_{name.replace('/', '__').replace('-', '_').upper()}"


def _from_block(name: str, wanted: Wanted) -> str:
    variable = block_variable(name)
    found = wanted.environment.get(variable, "")
    if not found:
        raise JobError(
            f"no {wanted.what}: block:{name} is a block of Prefect's, and only flows read these",
            advice=f"Run the job by a flow, give env:NAME or file:PATH instead, or export {variable}={wanted.example}.",
        )
    return found


FETCHERS: dict[str, Callable[[str, Wanted], str]] = {
    "env": _from_environment,
    "file": _from_file,
    "keyring": _from_keyring,
    BLOCK: _from_block,
}
