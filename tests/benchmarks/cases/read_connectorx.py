"""connectorx, which brings its own TDS client in Rust, into a frame."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pandas as pd

from tests.benchmarks.case import Case, Place, installed


def prepare(place: Place) -> Callable[[], pd.DataFrame]:
    connectorx = installed("connectorx")
    login = f"{quote(place.user, safe='')}:{quote(place.password, safe='')}"
    url = f"mssql://{login}@{place.host}:{place.port}/{place.database}?trust_server_certificate=true"

    def read() -> pd.DataFrame:
        table = connectorx.read_sql(url, f"SELECT * FROM {place.full_table}", return_type="arrow")
        frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
        return frame

    return read


CASE = Case("read", "connectorx", prepare)
