"""A whole copy in the calling process, beside `copy_etl_bare`."""

from __future__ import annotations

from functools import partial

from tests.benchmarks.case import Case
from tests.benchmarks.whole_copy import prepared

CASE = Case("copy", "etl.run, serial", partial(prepared, workers=1, executor="serial"))
