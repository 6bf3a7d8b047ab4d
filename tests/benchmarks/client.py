"""A client's process: one run of one case.

Where the server is comes as JSON on its input, what it did goes as a line of JSON to its output.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from typing import Any

from tests.benchmarks.arrived import changed_in
from tests.benchmarks.case import Case, Done, NotAvailableError, Place, case_of
from tests.benchmarks.processes import forget_peak, peak_mb, resident_mb, server_use


def main(name: str) -> None:
    settings = json.load(sys.stdin)
    place, case = Place(**settings["place"]), case_of(name)
    try:
        work = case.prepare(place)
    except NotAvailableError as error:
        print(json.dumps({"not_available": str(error)}))
        return
    server_pid: int | None = settings["server_pid"]
    server_before = server_use(server_pid) if server_pid else None
    # Not RUSAGE_SELF's, which the process that started this one has left its own peak in.
    peak_before, before = peak_mb(os.getpid()), resident_mb(os.getpid())
    forget_peak(os.getpid())
    cpu_before, begun = _cpu_sec(), time.perf_counter()
    done = work()
    seconds, cpu_sec = time.perf_counter() - begun, _cpu_sec() - cpu_before
    peak = peak_mb(os.getpid())
    run: dict[str, Any] = {
        "done": _number(done),
        "seconds": seconds,
        "client_cpu_sec": cpu_sec,
        "client_peak_mb": max(peak, peak_before),
        "added_peak_mb": peak - before,
    }
    if server_pid and server_before:
        used = server_use(server_pid).since(server_before)
        run |= {"server_cpu_sec": used.server_cpu_sec, "engine_cpu_sec": used.engine_cpu_sec}
    # What loads too few rows is told by what arrived; what loads none has not worked.
    if run["done"] != place.count and (case.group not in {"load", "copy"} or not run["done"]):
        raise RuntimeError(f"{name} has done {run['done']} of {place.count}")
    if settings["check"] and _can_be_checked(case, done):
        run["changed"] = changed_in(place, done)  # type: ignore[arg-type]  # not a number, says _can_be_checked
    print(json.dumps(run))


def _number(done: Done) -> int:
    return done if isinstance(done, int) else len(done)


def _can_be_checked(case: Case, done: Done) -> bool:
    return case.group == "read" and not isinstance(done, int)


def _cpu_sec() -> float:
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


if __name__ == "__main__":
    main(sys.argv[1])
