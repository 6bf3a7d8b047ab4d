"""What a command that goes step by step (`etl doctor`, `etl smoke`) said with --json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.pipeline.command import Ended


@dataclass(frozen=True, slots=True)
class ToldSteps:
    """The steps, by name."""

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


def told_steps(command: Ended) -> ToldSteps:
    assert command.stderr == "", command.stderr
    *steps, end = command.events
    assert end["event"] == "done"
    assert end["exit_code"] == command.exit_code
    return ToldSteps(command, {step["step"]: step for step in steps})
