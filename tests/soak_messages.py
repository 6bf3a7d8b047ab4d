"""Sends a sandbox damaged messages for as long as one likes: `python -m tests.soak messages --count 100000 --seed 1`.

What is wrong: that the server hung, let somebody in, reported an internal error, or kept anything afterwards.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections import Counter
from pathlib import Path
from random import Random

from tests.sandbox.footprint import footprint, quiet, resident_bytes, settled
from tests.sandbox.siege import attack, besieged, check_still_serving, knock, refusal_only

_REPORT_SEC = 10.0
_MAX_GROWTH_BYTES = 128 << 20


class Complaints(logging.Handler):
    """What the sandbox logs above the ordinary, by what it says."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.counts: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        """Count one."""
        what = record.getMessage()
        if record.exc_info and record.exc_info[1]:
            frames = traceback.extract_tb(record.exc_info[2])[-3:]
            way = " > ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)
            what += f": {record.exc_info[1]!r} at {way}"
        self.counts[what] += 1


def soak(messages: int, seed: int) -> list[str]:
    """Send so many damaged messages, a third of them by clients that do not know the password; returns what went wrong."""
    random = Random(seed)
    faults: list[str] = []
    complaints = Complaints()
    logging.getLogger("etl.sandbox").addHandler(complaints)
    for password, share in (("another one", messages // 3), ("secret", messages - messages // 3)):
        faults += _besiege(password, share, random)
    return faults + [f"{count} times: {what}" for what, count in complaints.counts.most_common()]


def _besiege(password: str, messages: int, random: Random) -> list[str]:
    faults: list[str] = []
    known = password == "secret"
    with besieged(password) as target:
        if known:
            check_still_serving(target.server)
        before, memory, begun = quiet(target.engine), resident_bytes(), time.monotonic()
        sent, clients, report_at = 0, 0, begun + _REPORT_SEC
        while sent < messages:
            seed = random.getrandbits(32)
            clients += 1
            try:
                if known:
                    sent += attack(target.server, Random(seed))
                else:
                    sent += 1
                    if not refusal_only(knock(target.server, Random(seed))):
                        faults.append(f"client {seed} was told more than a refusal")
            except TimeoutError:
                faults.append(f"client {seed} was left waiting")
            if time.monotonic() > report_at:
                report_at += _REPORT_SEC
                print(f"{sent} of {messages} messages, {clients} clients, {resident_bytes() >> 20} MB", flush=True)
        if known:
            check_still_serving(target.server)
        elif target.door.let_in:
            faults.append(f"{target.door.let_in} clients got in without the password")
        if (after := settled(target.engine, before)) != before:
            faults.append(f"left behind: {after}, before: {before}")
        if (growth := resident_bytes() - memory) > _MAX_GROWTH_BYTES:
            faults.append(f"memory grew by {growth >> 20} MB")
        who = "logged in" if known else "without the password"
        print(
            f"{who}: {sent} messages of {clients} clients in {time.monotonic() - begun:.0f} s, memory"
            f" {growth >> 20:+} MB, {footprint(target.engine)}",
            flush=True,
        )
    return faults
