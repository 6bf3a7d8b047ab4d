"""Damaged messages of real clients against a whole sandbox: it never crashes, hangs, leaks, or lets anybody in."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from etl.sandbox.wire.packets import MessageKind
from tests.sandbox.footprint import quiet, resident_bytes, settled
from tests.sandbox.siege import Besieged, attack, besieged, check_still_serving, knock, refusal_only, shake_hands_badly

SEEDS = st.integers(0, 2**32 - 1)
ONCE = settings(
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],  # a smaller seed is no smaller example
    suppress_health_check=[HealthCheck.too_slow],
)
MAX_GROWTH_BYTES = 64 << 20


@pytest.fixture(scope="module")
def closed() -> Iterator[Besieged]:
    """A sandbox whose password is not the recorded one."""
    with besieged("another one") as server:
        yield server


@pytest.fixture(scope="module")
def encrypting() -> Iterator[Besieged]:
    """The same with TLS."""
    with besieged("another one", "optional") as server:
        yield server


@pytest.fixture(scope="module")
def opened() -> Iterator[Besieged]:
    """A sandbox that the recorded clients may enter."""
    with besieged("secret") as server:
        check_still_serving(server.server)
        yield server


def test_nobody_gets_in_without_the_password(closed: Besieged) -> None:
    before = quiet(closed.engine)

    @settings(ONCE, max_examples=300)
    @given(seed=SEEDS)
    def check(seed: int) -> None:
        assert refusal_only(knock(closed.server, Random(seed)))
        assert closed.door.let_in == 0

    check()
    assert settled(closed.engine, before) == before


def test_nobody_gets_in_by_a_damaged_handshake(encrypting: Besieged) -> None:
    before = quiet(encrypting.engine)

    @settings(ONCE, max_examples=300)
    @given(seed=SEEDS)
    def check(seed: int) -> None:
        answer = shake_hands_badly(encrypting.server, Random(seed))
        # The server's part of the handshake, or nothing.
        assert not answer or answer[0] == MessageKind.PRELOGIN
        assert encrypting.door.let_in == 0

    check()
    assert settled(encrypting.engine, before) == before


def test_damaged_messages_end_in_an_answer_or_a_closed_connection(opened: Besieged) -> None:
    attack(opened.server, Random(0))
    before = quiet(opened.engine)
    memory = resident_bytes()
    sent = 0

    @settings(ONCE, max_examples=100)
    @given(seed=SEEDS)
    def check(seed: int) -> None:
        nonlocal sent
        sent += attack(opened.server, Random(seed))

    check()
    check_still_serving(opened.server)
    assert sent > 300
    assert settled(opened.engine, before) == before
    assert resident_bytes() - memory < MAX_GROWTH_BYTES
