"""python-tds's `copy_to`, from rows of Python objects."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.case import Case, Place
from tests.benchmarks.data import EMPTY_TABLE, rows
from tests.benchmarks.emptied import emptied


def prepare(place: Place) -> Callable[[], int]:
    import pytds
    from pytds import tds_types

    emptied(place).close()
    connection = pytds.connect(
        place.host, place.database, place.user, place.password, port=place.port, autocommit=False
    )
    kinds = [
        tds_types.BigIntType(),
        tds_types.IntType(),
        tds_types.SmallIntType(),
        tds_types.BitType(),
        tds_types.FloatType(),
        tds_types.DecimalType(12, 2),
        tds_types.DecimalType(19, 4),
        tds_types.DateType(),
        tds_types.DateTime2Type(6),
        tds_types.NVarCharType(40),
        tds_types.VarCharType(20),
        tds_types.UniqueIdentifierType(),
    ]
    names = [
        "id",
        "quantity",
        "shelf",
        "paid",
        "weight",
        "amount",
        "tax",
        "ordered",
        "changed",
        "customer",
        "comment",
        "token",
    ]
    columns = [pytds.Column(name, type=kind) for name, kind in zip(names, kinds, strict=True)]
    sent = list(rows(place.count))

    def load() -> int:
        with connection.cursor() as cursor:
            cursor.copy_to(data=sent, table_or_view=EMPTY_TABLE, columns=columns, rows_per_batch=len(sent))
        connection.commit()
        return len(sent)

    return load


CASE = Case("load", "python-tds copy_to", prepare, share=0.25)
