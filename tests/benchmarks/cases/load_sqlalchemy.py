"""SQLAlchemy Core: an INSERT executed with a list of dictionaries, which it sends as `insertmanyvalues`, its default."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from tests.benchmarks.case import Case, Place
from tests.benchmarks.frame import python_rows
from tests.benchmarks.tables import emptied


def prepare(place: Place) -> Callable[[], int]:
    emptied(place).close()
    engine = sa.create_engine(place.url())
    table = sa.Table(place.empty_table, sa.MetaData(), autoload_with=engine)
    names = [column.name for column in place.dataset.columns]
    sent = [dict(zip(names, row, strict=True)) for row in python_rows(place)]

    def load() -> int:
        with engine.begin() as connection:
            connection.execute(table.insert(), sent)
        return len(sent)

    return load


CASE = Case("load", "SQLAlchemy executemany", prepare, share=0.02)
