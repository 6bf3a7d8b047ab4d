"""The same without what makes it safe, to see what that costs: no claim, no seal, no counting of values, no check at the end.

Nothing of this can be asked for; the functions are taken out of their modules in this process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.benchmarks.case import Case, Place
from tests.benchmarks.whole_copy import prepared


def bare(place: Place) -> Callable[[], int]:
    """The copy of the full table into the emptied one."""
    from etl import ledger, pipeline, worker
    from etl.profile import Profiles

    def nothing(*_arguments: Any, **_named: Any) -> None:
        return None

    ledger.claim = nothing
    ledger.seal = nothing
    worker.ChunkWork._profiles = lambda *_arguments: Profiles({}, {})  # type: ignore[method-assign] # what is measured
    pipeline.check = lambda *_arguments: []  # type: ignore[attr-defined] # a function that it imports
    return prepared(place, workers=1, executor="serial")


CASE = Case("copy", "etl.run, serial, without ledger and checks", bare)
