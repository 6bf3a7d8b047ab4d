"""What an examination says: plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warn", "fail", "skipped"]

ALL_IS_WELL = 0
URL_IS_WRONG = 2
NO_CONNECTION = 3
REFUSED = 6


@dataclass(frozen=True, slots=True)
class Finding:
    """What one step found. None of its texts holds a secret."""

    status: Status
    found: str
    meaning: str = ""
    """What follows from it."""
    fix: str = ""
    details: tuple[str, ...] = ()
    step: str = ""
    exit_code: int = ALL_IS_WELL
    """The command's exit code where the step failed."""


def ok(found: str, meaning: str = "", details: tuple[str, ...] = ()) -> Finding:
    """All is as it should be."""
    return Finding("ok", found, meaning, details=details)


def warn(found: str, meaning: str, fix: str, details: tuple[str, ...] = ()) -> Finding:
    """It works, and is not as it should be."""
    return Finding("warn", found, meaning, fix, details)


def fail(found: str, meaning: str, fix: str, details: tuple[str, ...] = ()) -> Finding:
    """What depends on this step cannot work."""
    return Finding("fail", found, meaning, fix, details)


def skipped(reason: str) -> Finding:
    """The step was not made."""
    return Finding("skipped", reason)


def exit_code(findings: list[Finding]) -> int:
    """The code of the first failed step; 0 where there is none."""
    return next((finding.exit_code for finding in findings if finding.status == "fail"), ALL_IS_WELL)
