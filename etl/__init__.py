"""Move tables between Microsoft SQL Server and pandas over FreeTDS: fast, and never a row lost or doubled.

    import etl

    result = etl.run(etl.Job(source_table="dbo.orders", target_table="dbo.orders_clean", transform="cleaning:clean"))
    frame = etl.read_sql("dbo.orders", url)
    etl.to_sql(frame, "orders_copy", url, schema="dbo", if_exists="replace", index=False)
    frame = etl.map_frame(frame, function, workers=4)
    etl.run_sweep(etl.Sweep(simulate, [1, 2, 3], name="first try", database="sqlite:///results.db"))

Names are loaded when they are first used, so that `import etl` takes milliseconds.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from etl.errors import EtlError as EtlError
    from etl.job import Job as Job
    from etl.mapping import map_frame as map_frame
    from etl.pipeline import run as run
    from etl.result import RunResult as RunResult
    from etl.sql_frames import bulk_copy as bulk_copy
    from etl.sql_frames import iter_sql as iter_sql
    from etl.sql_frames import read_sql as read_sql
    from etl.sql_frames import to_sql as to_sql
    from etl.sweep.run import run_sweep as run_sweep
    from etl.sweep.sweep import Sweep as Sweep

_HOMES = {
    "EtlError": "etl.errors",
    "Job": "etl.job",
    "RunResult": "etl.result",
    "Sweep": "etl.sweep.sweep",
    "bulk_copy": "etl.sql_frames",
    "iter_sql": "etl.sql_frames",
    "map_frame": "etl.mapping",
    "read_sql": "etl.sql_frames",
    "run": "etl.pipeline",
    "run_sweep": "etl.sweep.run",
    "to_sql": "etl.sql_frames",
}

__all__ = [
    "EtlError",
    "Job",
    "RunResult",
    "Sweep",
    "bulk_copy",
    "iter_sql",
    "map_frame",
    "read_sql",
    "run",
    "run_sweep",
    "to_sql",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'etl' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
