"""A whole copy with a vectorised transform, by this project, in two workers."""

from __future__ import annotations

from functools import partial

from tests.benchmarks.case import Case
from tests.benchmarks.whole_copy import prepared

CASE = Case("copy", "etl.run, two workers", partial(prepared, workers=2))
