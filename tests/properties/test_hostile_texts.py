"""Damaged T-SQL: it runs, or ends in an error of SQL Server's. Nothing else comes out of the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from etl.sandbox.engine import PostgresEngine
from tests.sandbox.damaged_texts import TABLE, TEXTS, damaged_text
from tests.sandbox.tsql import Session

INTERNAL = ("sandbox: the engine answered", "sandbox: internal error")


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with PostgresEngine(None, user="sa", password="secret", database="sandbox") as engine:
        interpreter = engine.login("sa", "secret", "")
        yield Session(interpreter)
        interpreter.close()


def run(session: Session, text: str) -> None:
    for error in session.batch(text).errors:
        assert not error.message.startswith(INTERNAL), (error, text)


def test_damaged_texts_end_in_an_error_of_sql_server(session: Session) -> None:
    @settings(
        max_examples=1000,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(seed=st.integers(0, 2**32 - 1))
    def check(seed: int) -> None:
        run(session, TABLE)
        run(session, damaged_text(Random(seed)))
        # What is still open would be in the way of the next one.
        run(session, "IF @@TRANCOUNT > 0 ROLLBACK")

    check()


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text[:30])
def test_every_prefix_of_a_text_ends_in_an_error_of_sql_server(session: Session, text: str) -> None:
    run(session, TABLE)
    for end in range(0, len(text), 7):
        run(session, text[:end])
    run(session, "IF @@TRANCOUNT > 0 ROLLBACK")
