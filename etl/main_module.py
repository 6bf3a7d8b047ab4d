"""The program's main module, hidden while processes are spawned."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

_hiding = threading.Lock()
_hidden: list[ModuleType] = []
"""The main module, once for each start that is under way: threads may start processes at once."""


@contextmanager
def without_main_module() -> Iterator[None]:
    """Keep a spawned process from importing the program's main module again.

    cloudpickle brings what a task needs of it. So a script needs no `if __name__ == "__main__":`, and workers do not import
    what only the parent uses (Prefect takes seconds). `multiprocessing.spawn.get_preparation_data` looks it up in sys.modules.
    """
    with _hiding:
        _hidden.append(_hidden[0] if _hidden else sys.modules["__main__"])
        sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        with _hiding:
            main = _hidden.pop()
            if not _hidden:
                sys.modules["__main__"] = main
