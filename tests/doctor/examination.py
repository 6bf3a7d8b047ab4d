"""`etl doctor` through its front door, and what it said step by step."""

from __future__ import annotations

from tests.pipeline.command import ended, etl_here, start
from tests.told_steps import ToldSteps, told_steps

WITHOUT_SPEED = ("--probe-sec", "0")


def doctor(*arguments: str, **environment: str) -> ToldSteps:
    """Run it in this process, without its measuring of speed."""
    return told_steps(etl_here("doctor", *arguments, "--json", *WITHOUT_SPEED, **environment))


def doctor_process(*arguments: str, **environment: str) -> ToldSteps:
    """Run it in a process of its own, whose environment may differ."""
    return told_steps(ended(start(["doctor", *arguments, "--json", *WITHOUT_SPEED], environment=environment)))
