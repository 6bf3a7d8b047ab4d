"""A client's process: one run of one case.

Where the server is comes as JSON on its input, what it did goes as a line of JSON to its output.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time

from tests.benchmarks.case import NotAvailableError, Place, all_cases
from tests.benchmarks.processes import peak_mb, server_use


def main(name: str, server_pid: int) -> None:
    settings = json.load(sys.stdin)
    try:
        work = all_cases()[name].prepare(Place(**settings))
    except NotAvailableError as error:
        print(json.dumps({"not_available": str(error)}))
        return
    server_before, cpu_before = server_use(server_pid), _cpu_sec()
    begun = time.perf_counter()
    done = work()
    seconds = time.perf_counter() - begun
    cpu_sec, used = _cpu_sec() - cpu_before, server_use(server_pid).since(server_before)
    if done != settings["count"]:
        raise RuntimeError(f"{name} has done {done} of {settings['count']}")
    print(
        json.dumps(
            {
                "done": done,
                "seconds": seconds,
                "client_cpu_sec": cpu_sec,
                "server_cpu_sec": used.server_cpu_sec,
                "engine_cpu_sec": used.engine_cpu_sec,
                # Not RUSAGE_SELF's, which the process that started this one has left its own peak in.
                "client_peak_mb": max(
                    peak_mb(os.getpid()), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
                ),
            }
        )
    )


def _usage() -> list[resource.struct_rusage]:
    return [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]


def _cpu_sec() -> float:
    return sum(use.ru_utime + use.ru_stime for use in _usage())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
