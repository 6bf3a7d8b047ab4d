"""A sweep by the command line that is killed again and again, and goes on each time: for the test and for the soak."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Literal

import psutil

from tests.databases import Database
from tests.pipeline.command import ended, etl_here, start
from tests.sweep.functions import CALLS_VARIABLE, result_of

Victim = Literal["worker", "parent"]
NAME = "squares"
URL_VARIABLE = "ETL_TEST_URL"
END_SEC = 400


@dataclass
class Trial:
    """One sweep of `count` numbers, in an order of its own."""

    database: Database
    folder: Path
    count: int
    random: Random
    wrong: list[str] = field(default_factory=list)
    killed: Counter[str] = field(default_factory=Counter)
    stored: set[int] = field(default_factory=set)
    """The inputs that had a result when the command was killed last."""
    position: int = 0
    """How long the file of calls was then."""

    def __post_init__(self) -> None:
        self.calls = self.folder / "calls.txt"
        self.calls.touch()
        self.numbers = list(range(-self.count // 2, self.count - self.count // 2))
        self.random.shuffle(self.numbers)
        self.inputs = self.folder / "inputs.json"
        self.inputs.write_text(json.dumps(self.numbers))

    def start(self, executor: str = "process") -> subprocess.Popen[str]:
        """The command, in the background."""
        function = "tests.sweep.functions:noted"
        arguments = ["sweep", "run", function, str(self.inputs), "--name", NAME, "--workers", "2", "--json"]
        return start(
            [*arguments, "--executor", executor, "--database", f"env:{URL_VARIABLE}"],
            folder=self.folder,
            environment={URL_VARIABLE: self.database.url, CALLS_VARIABLE: str(self.calls)},
        )

    def strike(self, *victims: tuple[Victim, int]) -> None:
        """Run the command and kill each victim once so many inputs have a result; what is left of it goes on to its end."""
        process = self.start()
        assert process.stdout is not None
        events = (json.loads(line) for line in process.stdout)
        for victim, done in victims:
            if not any(event["event"] == "progress" and event["done"] >= done for event in events):
                self.wrong.append(f"it ended before {done} inputs had: {ended(process).said}")
                return
            os.kill(process.pid if victim == "parent" else self._worker(process), signal.SIGKILL)
            self.killed[victim] += 1
        # Reading to the end of the output waits for the workers too, which inherited it.
        last = ended(process, END_SEC)
        if last.exit_code != (-signal.SIGKILL if victims[-1][0] == "parent" else 0):
            self.wrong.append(f"it ended with {last.exit_code}: {last.said}")
        self._check_calls()
        self.stored = self.stored_inputs()
        self.position = self.calls.stat().st_size

    def _worker(self, process: subprocess.Popen[str]) -> int:
        """One of the processes that it has spawned for work."""
        children = psutil.Process(process.pid).children()
        return self.random.choice([child.pid for child in children if "spawn_main" in " ".join(child.cmdline())])

    def finish(self) -> None:
        """Run it to its end, and hold everything against what must be."""
        last = ended(self.start(), END_SEC)
        if last.exit_code != 0 or last.events[-1]["event"] != "done":
            self.wrong.append(f"the last run: {last.said}")
        self._check_calls()
        if {number for number, count in self.calls_that("ended").items() if count} != set(self.numbers):
            self.wrong.append("not every input has ended")
        states = self.database.query("SELECT state, COUNT(*) FROM etl_sweep_input GROUP BY state")
        if states != [("done", self.count)]:
            self.wrong.append(f"stored: {states}")
        if left := [path.name for path in self.folder.iterdir() if "-sweep-" in path.name]:
            self.wrong.append(f"left behind: {left}")
        if self.exported() != self.expected():
            self.wrong.append("the exported file is not what it must be")

    def _check_calls(self) -> None:
        """What was stored before the last kill has not been begun since."""
        if again := self.stored.intersection(self.calls_that("begun", self.position)):
            self.wrong.append(f"run again though stored: {sorted(again)[:10]}")

    def calls_that(self, have: str, position: int = 0) -> Counter[int]:
        """How often the function has `begun` or `ended` on each input, according to the file of calls from there on."""
        lines = self.calls.read_bytes()[position:].decode().splitlines()
        return Counter(int(number) for what, number in map(str.split, lines) if what == have)

    def stored_inputs(self) -> set[int]:
        """The inputs that have a result."""
        if "etl_sweep_input" not in self.database.tables():
            return set()
        return {int(text) for (text,) in self.database.query("SELECT input FROM etl_sweep_input WHERE state = 'done'")}

    def exported(self) -> str:
        """What `etl sweep export` writes."""
        out = self.folder / "results.json"
        arguments = ("sweep", "export", NAME, "--out", str(out), "--database", f"env:{URL_VARIABLE}")
        done = etl_here(*arguments, **{URL_VARIABLE: self.database.url})
        if done.exit_code != 0:
            self.wrong.append(f"export: {done.said}")
            return ""
        return out.read_text(encoding="utf-8")

    def expected(self) -> str:
        """The same, without a database."""
        lines = [json.dumps({"input": n, "result": result_of(n)}, ensure_ascii=False) for n in sorted(self.numbers)]
        return "[\n" + ",\n".join(lines) + "\n]\n"
