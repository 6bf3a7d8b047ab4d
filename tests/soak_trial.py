"""What can go wrong while a job runs, and when: drawn at random, and counted once it has struck."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random

from etl.failures import NUMBERS
from etl.sandbox.faults import Cut, Disconnect, Fail, Fault, Moment, Stall, refuse_logins
from tests.faults.copies import Stage
from tests.faults.runners import Runner
from tests.proxy import Direction

FAULTS_A_JOB = (10, 20)
GAP = (0, 35)
"""Events between one fault and the next; a chunk makes about thirty. What the job's end comes before does not strike."""
A_CHUNK = "INSERT INTO etl_chunk"
ANYWHERE = 0.2
"""The share of faults that may strike while a run is planned, too."""
SOON_SEC = 0.02
SERVER_NUMBERS = sorted(number for number in NUMBERS if number < 20_000 or number >= 40_000)
"""Those from 20001 on are FreeTDS's own."""
FULL = 1105


@dataclass
class Trial:
    """One job with what is to go wrong in it."""

    stage: Stage
    random: Random
    runner: Runner | None = None
    struck: Counter[str] = field(default_factory=Counter)
    _left: deque[tuple[str, int, Callable[[], None]]] = field(default_factory=deque)
    _armed: list[tuple[str, Callable[[], int]]] = field(default_factory=list)
    _timers: list[threading.Timer] = field(default_factory=list)

    def plan(self) -> None:
        """Draw the faults; the next one strikes some events after the one before, most of them among the chunks."""
        for _ in range(self.random.randint(*FAULTS_A_JOB)):
            deed, seed = self.random.choice(DEEDS), self.random.getrandbits(32)
            sight = "" if self.random.random() < ANYWHERE else A_CHUNK
            self._left.append((sight, self.random.randint(*GAP), partial(deed, self, Random(seed))))
        self._next()

    def _next(self) -> None:
        if not self._left:
            return
        sight, gap, deed = self._left.popleft()

        def do() -> None:
            deed()
            self._next()

        self.stage.events.do_after(sight, gap, do)

    def fault(self, kind: str, fault: Fault) -> None:
        """Let it strike at the event that is under way, or the next that it is for."""
        armed = self.stage.events.add(fault)
        self._armed.append((kind, lambda: int(armed.met > 0)))

    def cut(self, kind: str, direction: Direction, after_bytes: int, *, reset: bool) -> None:
        """Let the proxy cut."""
        proxy = self.stage.proxy
        if proxy.cut_is_pending(direction) and self._armed:
            self._armed = [entry for entry in self._armed if entry[0] != kind]
        proxy.cut(direction, after_bytes=after_bytes, reset=reset)
        self._armed.append((kind, lambda: int(not proxy.cut_is_pending(direction))))

    def soon(self, kind: str, deed: Callable[[Runner], None], random: Random) -> None:
        """Do it to the runner, at once or in a moment."""
        runner = self.runner
        if runner is None:
            return

        def do() -> None:
            self.struck[kind] += 1
            deed(runner)

        if random.random() < 0.5:
            do()
        else:
            timer = threading.Timer(random.uniform(0, SOON_SEC), do)
            self._timers.append(timer)
            timer.start()

    def settle(self) -> None:
        """Nothing happens any more; count what has."""
        self._left.clear()
        self.stage.events.forget()
        for timer in self._timers:
            timer.join()
        for kind, met in self._armed:
            self.struck[kind] += met()
        self.stage.events.clear()
        self.stage.calm()


def _kill_worker(trial: Trial, random: Random) -> None:
    if trial.runner is None:
        return
    workers = trial.runner.workers()
    if not workers:
        _kill_parent(trial, random)
        return
    trial.soon("SIGKILL of a worker", lambda runner: runner.kill([random.choice(workers)]), random)


def _kill_parent(trial: Trial, random: Random) -> None:
    trial.soon("SIGKILL of the parent", lambda runner: runner.kill([runner.pid]), random)


def _kill_both(trial: Trial, random: Random) -> None:
    workers = [] if trial.runner is None else trial.runner.workers()
    if not workers:
        _kill_parent(trial, random)
        return
    trial.soon("SIGKILL of both", lambda runner: runner.kill([*workers, runner.pid]), random)


def _drop(trial: Trial, random: Random) -> None:
    reset = random.random() < 0.5
    how = "reset" if reset else "closed"
    trial.soon(f"link {how}", lambda _runner: trial.stage.proxy.drop(reset=reset), random)


def _cut(trial: Trial, random: Random) -> None:
    direction = random.choice(list(Direction))
    reset = random.random() < 0.5
    how = "reset" if reset else "closed"
    trial.cut(f"link {how} after some bytes {direction.value}", direction, random.randint(1, 6000), reset=reset)


def _server_ends_it(trial: Trial, random: Random) -> None:
    moment = random.choice(list(Moment))
    trial.fault(f"connection ended {moment.value} a statement", Disconnect(at="", moment=moment))


def _server_ends_it_within(trial: Trial, random: Random) -> None:
    trial.fault("connection ended within an answer", Cut(at="", sent=random.randint(1, 400)))


def _unknown_commit(trial: Trial, random: Random) -> None:
    moment = random.choice(list(Moment))
    trial.fault(f"connection ended {moment.value} COMMIT", Disconnect(at=r"\ACOMMIT", moment=moment))


def _fail(trial: Trial, random: Random) -> None:
    number = random.choice(SERVER_NUMBERS)
    trial.fault(f"error that passes ({NUMBERS[number]})", Fail(at="", number=number))


def _deadlock(trial: Trial, random: Random) -> None:
    trial.fault(
        "deadlock", Fail(at="INSERT|BULK ROWS|UPDATE etl_chunk", number=1205, moment=random.choice(list(Moment)))
    )


def _disk_full(trial: Trial, _random: Random) -> None:
    trial.fault("disk full (1105)", Fail(at="INSERT|BULK ROWS", number=FULL))


def _refuse(trial: Trial, random: Random) -> None:
    number = random.choice([18456, 4060, 18401, None])
    trial.fault("logins refused", refuse_logins(random.randint(1, 3), number))


def _stall(trial: Trial, random: Random) -> None:
    trial.fault("stall", Stall(at="", seconds=random.uniform(0.01, 0.2)))


DEEDS: list[Callable[[Trial, Random], None]] = [
    _kill_worker,
    _kill_worker,
    _kill_parent,
    _kill_both,
    _drop,
    _drop,
    _drop,
    _cut,
    _cut,
    _cut,
    _server_ends_it,
    _server_ends_it,
    _server_ends_it_within,
    _unknown_commit,
    _unknown_commit,
    _fail,
    _fail,
    _fail,
    _deadlock,
    _disk_full,
    _refuse,
    _stall,
]
