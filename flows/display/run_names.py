"""What Prefect calls a flow run and its task runs: what goes where, and which ledger run it is."""

from __future__ import annotations

from typing import Any

from prefect.tasks import TaskRunNameCallbackWithParameters

from etl.prepare import Prepared

FLOW = "{job.mode} {job.source_name} → {job.target_name}"
PLAN = "plan {job.source_name} → {job.target_name}"
CHECK = "check {prepared.job.target_name} of run {prepared.run_id}"
REPORT = "report run {prepared.run_id}"
"""Templates that Prefect fills with the parameters, as they are named where they are called."""


class _Copy(TaskRunNameCallbackWithParameters):
    def __call__(self, parameters: dict[str, Any]) -> str:
        """Of the task that moves the chunks, from its parameters: how many are left to do."""
        prepared: Prepared = parameters["prepared"]
        left, planned = len(prepared.missing), len(prepared.plan.chunks)
        chunks = f"{left:,} chunk{'' if left == 1 else 's'}" if left == planned else f"{left:,} of {planned:,} chunks"
        return f"copy {chunks} of run {prepared.run_id}"


COPY = _Copy()
