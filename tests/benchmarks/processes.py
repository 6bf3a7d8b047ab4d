"""CPU time and memory of processes, from /proc (Linux)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_TICK_SEC = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class ServerUse:
    """CPU seconds so far of the server's process and of those below it, which are the engine's."""

    server_cpu_sec: float
    engine_cpu_sec: float

    def since(self, before: ServerUse) -> ServerUse:
        """What was used after `before`."""
        return ServerUse(
            self.server_cpu_sec - before.server_cpu_sec,
            self.engine_cpu_sec - before.engine_cpu_sec,
        )


def server_use(pid: int) -> ServerUse:
    """What the server `pid` and its descendants, those that have ended among them, have used."""
    parents, times = {}, {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        process = int(folder.name)
        parents[process] = int(fields[1])
        own, ended = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
        times[process] = own, ended
    below = [process for process in parents if process != pid and _descends(process, pid, parents)]
    engine = sum(sum(times[process]) for process in below)
    return ServerUse(times[pid][0] * _TICK_SEC, engine * _TICK_SEC)


def _descends(process: int, ancestor: int, parents: dict[int, int]) -> bool:
    while process in parents:
        process = parents[process]
        if process == ancestor:
            return True
    return False


def peak_mb(pid: int) -> float:
    """The most memory (resident) that a process has had since `forget_peak`."""
    return _status_mb(pid, "VmHWM:")


def resident_mb(pid: int) -> float:
    """The memory (resident) that a process has now."""
    return _status_mb(pid, "VmRSS:")


def _status_mb(pid: int, line_name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(line_name):
            return int(line.split()[1]) / 1024
    raise LookupError(line_name)  # a process that has ended and was not waited for has no memory any more


def forget_peak(pid: int) -> None:
    """Begin to measure the peak anew (`proc(5)`, clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
