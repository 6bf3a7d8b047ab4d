"""What is handed to a worker past the scheduler's memory: packed, and never shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cloudpickle


@dataclass(frozen=True, slots=True)
class Luggage:
    """An object on its way to workers, in an argument of `Client.run`, which no scheduler keeps.

    A worker that fails writes its arguments into its log: of this one it can only write its size.
    """

    packed: bytes

    @classmethod
    def of(cls, what: Any) -> Luggage:
        """Pack it. Raises what its pickling raises."""
        return cls(cloudpickle.dumps(what))

    def unpacked(self) -> Any:
        """The object again. Raises what its unpickling raises."""
        return cloudpickle.loads(self.packed)

    def __repr__(self) -> str:
        return f"Luggage({len(self.packed)} bytes)"
