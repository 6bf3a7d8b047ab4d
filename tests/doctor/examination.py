"""`etl doctor` through its front door, and what it said step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.pipeline.command import Ended, ended, etl_here, start

WITHOUT_SPEED = ("--probe-sec", "0")


@dataclass(frozen=True, slots=True)
class Examined:
    """What `etl doctor --json` said."""

    ended: Ended
    steps: Mapping[str, dict[str, Any]]

    @property
    def statuses(self) -> dict[str, str]:
        return {name: step["status"] for name, step in self.steps.items()}

    @property
    def failed(self) -> list[str]:
        return [name for name, status in self.statuses.items() if status == "fail"]

    def text(self, step: str) -> str:
        """All that a step said."""
        return "\n".join([*(str(self.steps[step][part]) for part in ("found", "meaning", "fix"))])


def examined(command: Ended) -> Examined:
    assert command.stderr == "", command.stderr
    *steps, end = command.events
    assert end["event"] == "done"
    assert end["exit_code"] == command.exit_code
    return Examined(command, {step["step"]: step for step in steps})


def doctor(*arguments: str, **environment: str) -> Examined:
    """Run it in this process, without its measuring of speed."""
    return examined(etl_here("doctor", *arguments, "--json", *WITHOUT_SPEED, **environment))


def doctor_process(*arguments: str, **environment: str) -> Examined:
    """Run it in a process of its own, whose environment may differ."""
    return examined(ended(start(["doctor", *arguments, "--json", *WITHOUT_SPEED], environment=environment)))
