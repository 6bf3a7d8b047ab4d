"""Every type with NULL, extremes and empty values: as literals, as parameters, in results. In bulk: `test_bulk_types`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.contract.lab import Session
from tests.contract.type_samples import CASES, TypeCase

Fill = Callable[[Session, TypeCase], None]


def by_literal(session: Session, case: TypeCase) -> None:
    rows = [f"({position}, {sample.literal})" for position, sample in enumerate(case.samples, 1)]
    session.run(f"INSERT INTO t VALUES (0, NULL); INSERT INTO t VALUES {', '.join(rows)}")


def by_expression(session: Session, case: TypeCase) -> None:
    rows = [f"SELECT {n}, {case.typed(sample)}" for n, sample in enumerate(case.samples, 1)]
    session.run(f"INSERT INTO t SELECT 0, NULL UNION ALL {' UNION ALL '.join(rows)}")


def by_parameter(session: Session, case: TypeCase) -> None:
    statement = f"INSERT INTO t (n, v) VALUES (?, {case.placeholder})"
    session.run(statement, 0, case.null)
    for position, sample in enumerate(case.samples, 1):
        session.run(statement, position, sample.value if sample.parameter is None else sample.parameter)


WAYS: dict[str, Fill] = {"literal": by_literal, "expression": by_expression, "parameter": by_parameter}


@pytest.fixture
def table(steady: Session) -> Session:
    steady.run("DROP TABLE IF EXISTS t")
    return steady


def expected(case: TypeCase) -> Sequence[Any]:
    return [None, *(sample.value for sample in case.samples)]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_values_come_back(table: Session, case: TypeCase, way: str) -> None:
    table.run(f"CREATE TABLE t (n int NOT NULL PRIMARY KEY, v {case.column})")
    WAYS[way](table, case)
    assert [value for (value,) in table.rows(f"SELECT {case.shown} FROM t ORDER BY n")] == expected(case)


def selected(case: TypeCase) -> str:
    rows = [f"SELECT {n} AS n, {case.typed(sample)} AS v" for n, sample in enumerate(case.samples, 1)]
    return f"(SELECT 0 AS n, CAST(NULL AS {case.declaration}) AS v UNION ALL {' UNION ALL '.join(rows)}) AS x"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_results_without_a_table(steady: Session, case: TypeCase) -> None:
    rows = steady.rows(f"SELECT {case.shown} FROM {selected(case)} ORDER BY n")
    assert [value for (value,) in rows] == expected(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_results_of_many_rows(steady: Session, case: TypeCase) -> None:
    digits = "(VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9))"
    rows = steady.rows(
        f"SELECT n, {case.shown} FROM {selected(case)} CROSS JOIN {digits} AS a(d) CROSS JOIN {digits} AS b(d)"
    )
    values = expected(case)
    assert len(rows) == 100 * len(values)
    assert [(n, value) for n, value in rows if value != values[n]] == []
