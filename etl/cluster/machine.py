"""Whether two processes see the same file, also from two machines or containers."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""Linux's name for the run of a kernel, which containers on one machine share (proc(5))."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What a process sees at a path."""

    machine: str
    device: int
    inode: int


def this_machine() -> str:
    """The machine's name; equal for all processes that its kernel runs."""
    return BOOT_ID.read_text().strip() if BOOT_ID.exists() else platform.node()


def sight(path: Path) -> Sight | None:
    """What stands at the path, or for a file that is still to be made its folder; None where neither is there."""
    found = path if path.exists() else path.parent
    if not found.exists():
        return None
    state = found.stat()
    return Sight(this_machine(), state.st_dev, state.st_ino)
