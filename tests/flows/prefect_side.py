"""A Prefect server, a process worker and the `prefect` command, each in processes of its own, and what the server says."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import psutil
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, State

CLONE = Path(__file__).parents[2]
STARTS_SEC, ENDS_SEC, POLL_SEC = 120.0, 180.0, 0.1
QUICK = {
    # How long the server and the worker sleep before they look for work again; the defaults are 5 to 60 seconds.
    "PREFECT_WORKER_QUERY_SECONDS": "0.5",
    "PREFECT_RUNNER_POLL_FREQUENCY": "1",
    "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "1",
    "PREFECT_SERVER_SERVICES_SCHEDULER_RECENT_DEPLOYMENTS_LOOP_SECONDS": "1",
    "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "1",
    "PREFECT_SERVER_CONCURRENCY_MAXIMUM_CONCURRENCY_SLOT_WAIT_SECONDS": "1",
}

Found = TypeVar("Found")


class PrefectSide:
    """A running server, and how to reach it."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/api"
        self.home = home
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")},
            **QUICK,
            "PREFECT_HOME": str(home),
            "PREFECT_API_URL": self.url,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "PREFECT_CLI_PROMPT": "false",
            "PREFECT_CLI_COLORS": "false",
            **environment,
        }
        self.client = SyncPrefectClient(self.url)
        self._started: list[subprocess.Popen[str]] = []
        self.start("--host", "127.0.0.1", "--port", str(port), "--no-ui", module="flows.server")
        until(self._answers, "the Prefect server", STARTS_SEC)

    def start(self, *arguments: str, module: str = "prefect") -> subprocess.Popen[str]:
        """Start a command that goes on until the end of the test."""
        process = self._popen(module, *arguments)
        self._started.append(process)
        return process

    def command(self, *arguments: str) -> Callable[[], str]:
        """Start a `prefect` command; what it said, once it has ended well, comes from the function that is returned."""
        process = self._popen("prefect", *arguments)

        def ended() -> str:
            said, _ = process.communicate(timeout=ENDS_SEC)
            assert process.returncode == 0, f"prefect {' '.join(arguments)}:\n{said}\n{self.log()}"
            return said

        return ended

    def answer(self, module: str, asked: str) -> str:
        """What a Python module prints that is given this on its input."""
        said = subprocess.run(
            [sys.executable, "-m", module],
            cwd=CLONE,
            env=self.environment,
            input=asked,
            capture_output=True,
            text=True,
            timeout=ENDS_SEC,
            check=False,
        )
        assert said.returncode == 0, said.stderr
        return said.stdout

    def close(self) -> None:
        """End what was started, the server last, and flow runs that a failed test has left."""
        self.client.__exit__(None, None, None)
        server, *others = self._started
        for processes in (others, [server]):
            for process in processes:
                process.send_signal(signal.SIGINT)
            for process in processes:
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        for left in _processes_with("PREFECT_API_URL", self.url):
            left.kill()

    def log(self) -> str:
        """What server, worker and flow runs have said."""
        return "\n".join(file.read_text(errors="replace") for file in sorted(self.home.glob("*.out")))

    def _popen(self, module: str, *arguments: str) -> subprocess.Popen[str]:
        long_lived = arguments[:2] in {("server", "start"), ("worker", "start")} or module != "prefect"
        said = (self.home / f"{len(self._started)}.out").open("w") if long_lived else subprocess.PIPE
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=CLONE,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def _answers(self) -> bool:
        assert self._started[0].poll() is None, self.log()
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def runs(self, deployment: str) -> list[FlowRun]:
        """The flow runs of a deployment that have begun, oldest first."""
        deployment_id = self.client.read_deployment_by_name(deployment).id
        found = [run for run in self.client.read_flow_runs(limit=200) if run.deployment_id == deployment_id]
        return sorted((run for run in found if run.start_time is not None), key=lambda run: str(run.start_time))

    def state(self, run_id: UUID) -> State:
        """Where a flow run stands."""
        state = self.client.read_flow_run(run_id).state
        assert state is not None
        return state

    def ended(self, run_id: UUID) -> State:
        """Wait for the end of a flow run."""
        until(lambda: self.state(run_id).is_final(), f"flow run {run_id}", ENDS_SEC, self.log)
        return self.state(run_id)


def until(what: Callable[[], Found | None], name: str, timeout_sec: float, log: Callable[[], str] = str) -> Found:
    """What the function returns once it is true, or something."""
    deadline = time.monotonic() + timeout_sec
    while not (found := what()):
        assert time.monotonic() < deadline, f"waited {timeout_sec:.0f} s for {name}\n{log()}"
        time.sleep(POLL_SEC)
    return found


def processes_of(run_id: UUID) -> list[psutil.Process]:
    """The processes of a flow run: its own and its workers, which inherit its environment."""
    return _processes_with("PREFECT__FLOW_RUN_ID", str(run_id))


def _processes_with(variable: str, value: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(variable) == value and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


@contextmanager
def prefect_side(home: Path, environment: dict[str, str]) -> Iterator[PrefectSide]:
    """A server that is ended with all that was started beside it."""
    side = PrefectSide(home, environment)
    try:
        yield side
    finally:
        side.close()
