"""So many writers at once and no more, and none lost with a process that dies."""

from __future__ import annotations

import multiprocessing as mp
import os
import signal
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from etl import writer_slots
from etl.writer_slots import WriterSlots


def test_no_more_than_so_many_hold_a_slot_at_once(tmp_path: Path) -> None:
    slots, holding, most = WriterSlots(tmp_path), 0, 0
    lock = threading.Lock()

    def write() -> None:
        nonlocal holding, most
        for _ in range(20):
            with slots.one_of(2):
                with lock:
                    holding += 1
                    most = max(most, holding)
                time.sleep(0.001)
                with lock:
                    holding -= 1

    threads = [threading.Thread(target=write) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, holding) == (2, 0)


def hold_and_say_so(folder: Path, pipe: Connection) -> None:
    with WriterSlots(folder).one_of(1):
        pipe.send("held")
        signal.pause()


def test_a_dead_holder_s_slot_is_free(tmp_path: Path) -> None:
    ours, theirs = mp.Pipe()
    holder = mp.get_context("spawn").Process(target=hold_and_say_so, args=(tmp_path, theirs))
    holder.start()
    assert ours.recv() == "held"
    assert holder.pid is not None
    os.kill(holder.pid, signal.SIGKILL)
    with WriterSlots(tmp_path).one_of(1):
        holder.join()
    assert holder.exitcode == -signal.SIGKILL


def open_and_say_so(pipe: Connection) -> None:
    with writer_slots.opened() as slots, slots.one_of(2):
        pipe.send(slots.folder)
        signal.pause()


def test_what_a_killed_run_leaves_is_removed_by_the_next_and_what_another_uses_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    ours, theirs = mp.Pipe()
    killed = mp.get_context("spawn").Process(target=open_and_say_so, args=(theirs,))
    killed.start()
    left = ours.recv()
    with writer_slots.opened() as slots:
        assert left.is_dir()
        killed.kill()
        killed.join()
        with writer_slots.opened() as others:
            assert not left.exists()
            assert {slots.folder, others.folder} == set(tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == []
