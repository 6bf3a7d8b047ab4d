"""What came of a soak of faults: by kind, as JSON and as a table of Markdown."""

from __future__ import annotations

import datetime as dt
import json
import platform
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Tally:
    """Counts of one kind of fault. A job's counts are added to each kind that struck in it."""

    struck: int = 0
    jobs: int = 0
    """In which it struck."""
    retries: int = 0
    """Chunks tried again in these jobs."""
    resumes: int = 0
    """Times these jobs had to be started again."""


@dataclass
class Report:
    """All that a soak found."""

    seed: int
    asked: int
    """Faults that were to strike, at least."""
    kinds: dict[str, Tally] = field(default_factory=dict)
    jobs: int = 0
    jobs_by_way: Counter[str] = field(default_factory=Counter)
    chunks: int = 0
    rows: int = 0
    rows_lost: int = 0
    rows_doubled: int = 0
    retries: int = 0
    resumes: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    """What the runs that had to be started again had ended with."""
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def struck(self) -> int:
        """Faults that have struck."""
        return sum(tally.struck for tally in self.kinds.values())

    def add(self, kinds: Counter[str], retries: int, resumes: int) -> None:
        """Count a job with the faults that struck in it."""
        self.jobs += 1
        self.retries += retries
        self.resumes += resumes
        for kind, struck in kinds.items():
            tally = self.kinds.setdefault(kind, Tally())
            tally.struck += struck
            tally.jobs += 1
            tally.retries += retries
            tally.resumes += resumes

    def as_dict(self) -> dict[str, Any]:
        """Everything, as plain data."""
        return {
            "made_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
            "seed": self.seed,
            "faults": self.struck,
            "jobs": self.jobs,
            "jobs_by_way": dict(self.jobs_by_way.most_common()),
            "chunks": self.chunks,
            "rows": self.rows,
            "rows_lost": self.rows_lost,
            "rows_doubled": self.rows_doubled,
            "retries": self.retries,
            "resumes": self.resumes,
            "seconds": round(self.seconds, 1),
            "kinds": {kind: vars(tally) for kind, tally in sorted(self.kinds.items())},
            "ends": dict(self.ends.most_common()),
            "wrong": self.wrong,
        }

    def as_markdown(self) -> str:
        """The same to be read."""
        found = self.as_dict()
        lines = [
            "# What a soak of faults found",
            "",
            f"`python -m tests.soak faults --count {self.asked} --seed {self.seed}`, {found['made_at']}, {found['machine']}.",
            "",
            f"{self.struck:,} faults struck in {self.jobs:,} jobs ({self.chunks:,} chunks, {self.rows:,} rows) within"
            f" {self.seconds:,.0f} s. After each job the rows of source and target were compared as multisets, and the ledger"
            " with the plan:",
            "",
            f"- rows lost: **{self.rows_lost}**, rows doubled: **{self.rows_doubled}**, anything else wrong:"
            f" **{len(self.wrong)}**",
            f"- chunks tried again by themselves: {self.retries:,}; jobs started again, after a kill or an error that does not"
            f" pass: {self.resumes:,}",
            "",
            "| fault | struck | in jobs | retries in these | starts again in these |",
            "|---|---:|---:|---:|---:|",
            *(
                f"| {kind} | {tally.struck:,} | {tally.jobs:,} | {tally.retries:,} | {tally.resumes:,} |"
                for kind, tally in sorted(self.kinds.items())
            ),
            "",
            "Several faults strike in one job, so the last two columns count a job's retries with each of its faults.",
            "",
            "| jobs by way | |",
            "|---|---:|",
            *(f"| {way} | {count} |" for way, count in self.jobs_by_way.most_common()),
            "",
            "| what a run ended with that had to be started again | |",
            "|---|---:|",
            *(f"| {end} | {count} |" for end, count in self.ends.most_common()),
        ]
        return "\n".join([*lines, *(f"\nWRONG: {line}" for line in self.wrong)]) + "\n"

    def write(self, path: Path) -> None:
        """The JSON file, and the Markdown beside it."""
        path.write_text(json.dumps(self.as_dict(), indent=2) + "\n")
        path.with_suffix(".md").write_text(self.as_markdown())
