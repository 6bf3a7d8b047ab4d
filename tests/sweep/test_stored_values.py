"""Inputs and results come back from each database to the last bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import etl
from etl.connect import Endpoint
from etl.sweep import export, order
from etl.sweep.inputs import unique
from tests.databases import Database
from tests.sweep.test_inputs import VALUES, same

LONG = {"text": "🦆é" * 30_000, "numbers": [n / 7 for n in range(5_000)]}
"""More than what a packet, and than what a short text parameter, holds."""


def test_inputs_and_results_come_back_as_they_were(database: Database, tmp_path: Path) -> None:
    number = 0

    @settings(
        max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    )
    @given(st.lists(VALUES, min_size=1, max_size=40))
    def come_back(values: list[Any]) -> None:
        nonlocal number
        number += 1
        name = f"Values {number}"
        result = etl.run_sweep(etl.Sweep(lambda value: {"of": [value]}, values, name, database.url, "serial"))
        expected = sorted((one.value for one in unique(values)), key=order.place)
        assert result.inputs == len(expected)
        found = list(export.results(Endpoint.of(database.url, "reader"), name))
        assert same([value for value, _ in found], expected)
        assert same([stored["of"][0] for _, stored in found], expected)

    come_back()


def test_long_inputs_and_results_come_back_as_they_were(database: Database) -> None:
    etl.run_sweep(etl.Sweep(lambda value: [value, value], [LONG], "long", database.url, "serial"))
    assert same(list(export.results(Endpoint.of(database.url, "reader"), "long")), [(LONG, [LONG, LONG])])
