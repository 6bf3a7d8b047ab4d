"""One run of one case, in a client process of its own that is looked at from here."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from dataclasses import asdict
from typing import Any

from tests.benchmarks.arrived import changed_columns
from tests.benchmarks.case import Case, Place
from tests.benchmarks.processes import forget_peak, peak_mb
from tests.benchmarks.server import ROOT
from tests.benchmarks.watch import watched

_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Warning|Denied|Died|Missing): ")
_REASON_CHARS = 160
_LOG_CHARS = 2_000
"""Of a failure's traceback: some have the statement's parameters in them."""


def run_case(name: str, case: Case, place: Place, server_pid: int | None, *, is_first: bool) -> dict[str, Any]:
    """What a run has done and taken, or `not_available` with the reason.

    The first run's rows are held against what was sent.
    """
    if server_pid is not None:
        forget_peak(server_pid)
    settings = json.dumps({"place": asdict(place), "server_pid": server_pid, "check": is_first})
    command = [sys.executable, "-m", "tests.benchmarks.client", name]
    with (
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
        ) as client,
        watched(client.pid) as peaks,
    ):
        output, errors = client.communicate(settings)
    if client.returncode != 0:
        # A tool that cannot do it, or dies at it, is part of the picture.
        print(errors[-_LOG_CHARS:], file=sys.stderr)
        return {"not_available": f"failed: {failure(errors, client.returncode)}"}
    run: dict[str, Any] = json.loads(output.splitlines()[-1])
    if "not_available" in run:
        return run
    run["below_peak_mb"] = sum(peaks.below_mb)
    if server_pid is not None:
        run["server_peak_mb"] = peak_mb(server_pid)
    if is_first and case.group in {"load", "copy"}:
        run["changed"] = changed_columns(place, place.empty_table, case.group)
    return run


def failure(errors: str, return_code: int) -> str:
    """Why a client ended: the line of its traceback that names the exception, or the signal that killed it."""
    if return_code < 0:
        return f"the process died of {signal.Signals(-return_code).name}"
    named = [line for line in errors.splitlines() if _EXCEPTION.match(line)]
    return named[-1][:_REASON_CHARS] if named else f"exit code {return_code}"
