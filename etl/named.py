"""What users name as `module:name`: their transforms, functions and schemas; and the lines of theirs that raise."""

from __future__ import annotations

import importlib
import pkgutil
import traceback
from pathlib import Path
from typing import Any

from etl.errors import JobError
from etl.nearest import did_you_mean

CALLERS = frozenset(
    str(Path(__file__).parent / name)
    for name in ("named.py", "transform.py", "sweep/function.py", "sweep/input_files.py")
)
"""Where users' code is called from."""


def find_object(reference: str, what: str) -> Any:
    """What `module:name` names, whatever it is. Raises JobError, which says that a `what` was looked for."""
    module_name, _, attribute = reference.partition(":")
    if not module_name or not attribute:
        raise JobError(f"{reference!r} does not name a {what}", advice="Write module:name, e.g. cleaning:clean_orders.")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise JobError(
            f"the module {module_name} of the {what} {reference} cannot be imported: {error}{_similar_module(module_name)}",
            advice="Start in the folder that holds it, or install it in the same environment.",
        ) from error
    except (Exception, SystemExit) as error:  # a script that is not meant to be imported ends the process
        raise JobError(
            f"importing {module_name} for the {what} {reference} raised {type(error).__name__}: {error}{own_line(error)}"
        ) from error
    if not hasattr(module, attribute):
        functions = [name for name in vars(module) if not name.startswith("_")]
        raise JobError(
            f"the module {module_name} has no {attribute}{did_you_mean(attribute, functions)}",
            advice=f"It has: {', '.join(functions[:20]) or 'nothing'}.",
        )
    return getattr(module, attribute)


def _similar_module(name: str) -> str:
    """The module that was meant, where Python finds one of a name like it."""
    parent, _, last = name.rpartition(".")
    try:
        places = list(importlib.import_module(parent).__path__) if parent else None
    except (ImportError, AttributeError):
        return ""
    return did_you_mean(last, (found.name for found in pkgutil.iter_modules(places)))


def own_line(error: BaseException) -> str:
    """The line of the user's own code that raised, as ` (file.py, line 3)`."""
    frames_of_error = traceback.extract_tb(error.__traceback__)
    outside = [
        frame for frame in frames_of_error if "site-packages" not in frame.filename and frame.filename not in CALLERS
    ]
    own = [frame for frame in outside if not frame.filename.startswith("<frozen")]
    return f" ({own[-1].filename}, line {own[-1].lineno})" if own else ""
