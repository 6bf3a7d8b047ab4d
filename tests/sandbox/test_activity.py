"""What the two threads of a connection tell each other."""

from __future__ import annotations

import threading

from etl.sandbox.activity import Activity

WAIT_SEC = 20.0


def test_a_request_that_arrives_after_the_worker_has_left_is_not_waited_for() -> None:
    activity = Activity(lambda: None)
    activity.worker_left()
    activity.request_arrived()
    reader = threading.Thread(target=activity.client_left, daemon=True)
    reader.start()
    reader.join(WAIT_SEC)
    assert not reader.is_alive()


def test_who_has_left_is_waited_for_until_its_request_has_ended() -> None:
    cancelled = threading.Event()
    activity = Activity(cancelled.set)
    activity.request_arrived()
    reader = threading.Thread(target=activity.client_left, daemon=True)
    reader.start()
    assert cancelled.wait(WAIT_SEC)
    assert activity.stopped
    assert reader.is_alive()
    activity.request_ended()
    reader.join(WAIT_SEC)
    assert not reader.is_alive()


def test_an_attention_stops_the_request_that_runs_and_no_other() -> None:
    cancels: list[int] = []
    activity = Activity(lambda: cancels.append(1))
    assert not activity.attention_arrived()
    activity.request_arrived()
    assert activity.attention_arrived()
    assert activity.stopped
    assert activity.request_ended()
    activity.cancel_again()
    assert not activity.stopped
    assert len(cancels) == 1
