"""Lines for machines, on standard output."""

from __future__ import annotations

import json
from typing import Any


def print_event(event: str, **fields: Any) -> None:
    """One JSON object a line; what JSON has no form for (moments) as text."""
    print(json.dumps({"event": event, **fields}, default=str), flush=True)
