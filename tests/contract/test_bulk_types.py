"""Every type with NULL, extremes and empty values through bulk load: FreeTDS's bulk copy on pyodbc's own handle."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, cast

import pytest

from etl.sandbox.moments import stamp_of, ticks_of, time_of
from tests.bulk_copy import Value, bulk_copy
from tests.contract.lab import Session
from tests.contract.type_samples import CASES, TypeCase

WIDEST_BYTES = 4096
"""FreeTDS cannot send a longer value in a bulk copy."""
MOMENTS = frozenset({"date", "time", "smalldatetime", "datetime", "datetime2", "datetimeoffset"})


def name_of(case: TypeCase) -> str:
    return case.declaration.partition("(")[0].split()[0]


def kind_of(case: TypeCase) -> str:
    name = name_of(case)
    return "moment" if name in MOMENTS else "bytes" if name == "image" or "binary" in name else "text"


_WRITTEN = re.compile(r"(?:(\S+) )?(\d\d:\d\d:\d\d)(?:\.(\d+))?(?: ([+-])(\d\d):(\d\d))?")


def sent(case: TypeCase, value: Any) -> Value:
    """What a client sends for a sample; moments that are samples as text have digits that Python's types have not."""
    if kind_of(case) != "moment" or not isinstance(value, str):
        return cast("Value", value)
    found = _WRITTEN.fullmatch(value)
    assert found is not None
    day, clock, fraction, sign, hours, minutes = found.groups()
    ticks = ticks_of(dt.datetime.fromisoformat(f"{day or '0001-01-01'} {clock}")) + int((fraction or "").ljust(7, "0"))
    if day is None:
        return time_of(ticks)
    return stamp_of(ticks, None if sign is None else int(f"{sign}1") * (int(hours) * 60 + int(minutes)))


def samples(case: TypeCase) -> list[tuple[Value, Any]]:
    pairs = []
    for sample in case.samples:
        written = sample.value if sample.parameter is None or kind_of(case) == "moment" else sample.parameter
        if isinstance(written, str) and len(written.encode("utf-16-le")) > WIDEST_BYTES:
            continue
        if isinstance(written, bytes) and len(written) > WIDEST_BYTES:
            continue
        pairs.append((sent(case, written), sample.value))
    return pairs


# FreeTDS 1.3 has no name for xml in INSERT BULK, and sends UTF-8 under the connection's own collation, which is another.
SENT = [case for case in CASES if name_of(case) not in {"xml", "rowversion"} and not case.collation]


@pytest.mark.parametrize("case", SENT, ids=str)
def test_values_come_back(session: Session, case: TypeCase) -> None:
    session.run(f"DROP TABLE IF EXISTS t; CREATE TABLE t (n int NOT NULL PRIMARY KEY, v {case.column})")
    pairs = samples(case)
    rows = [(0, None), *((number, value) for number, (value, _) in enumerate(pairs, 1))]
    assert bulk_copy(session.connection, "t", ["text", kind_of(case)], rows) == len(rows)
    found = [value for (value,) in session.rows(f"SELECT {case.shown} FROM t ORDER BY n")]
    assert found == [None, *(value for _, value in pairs)]
