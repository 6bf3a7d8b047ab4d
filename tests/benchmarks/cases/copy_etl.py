"""A whole copy with a vectorised transform, by this project, in one worker."""

from __future__ import annotations

from functools import partial

from tests.benchmarks.case import Case
from tests.benchmarks.whole_copy import prepared

CASE = Case("copy", "etl.run, one worker", partial(prepared, workers=1))
