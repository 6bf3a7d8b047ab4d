"""The refused rows of one chunk, on their way into the ledger: found, counted against the job's limit, named in messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from etl.bad_rows import exact_json
from etl.bad_rows.rejects import Reject, Stage
from etl.errors import EtlError, TooManyRejects

SHOWN_REJECTS = 3
"""Of too many, in a message."""
MAX_SENT_CHARS = 300
"""Of a refused row in a message."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A row of a chunk that something refuses."""

    stage: Stage
    reason: str
    row: int | None
    """Its place in the chunk as it was read, from 0."""
    number: int | None = None
    column: str | None = None
    place: int | None = None
    """Where it was refused after the transform: its place in what is to be written, from 0."""


@dataclass(frozen=True, slots=True)
class Output:
    """What is to be written of a chunk."""

    rows: pa.Table
    is_other: bool
    """Whether it may hold other values than the chunk as it was read."""
    locate: Callable[[list[int]], list[int | None]]
    """For places in it the rows of the chunk, where that can be told."""


class Tally:
    """The refused rows of one chunk."""

    def __init__(self, rows: pa.Table, key: str | None, limit: int | None) -> None:
        """`rows` as they were read; at most `limit` may be refused, with None not one."""
        self.rows = rows
        self.output: Output | None = None
        """Known when the rows are transformed."""
        self.last_straw: EtlError | None = None
        """What `add` has raised."""
        self._refused: list[Refused] = []
        self._key = key
        self._limit = limit

    def __len__(self) -> int:
        return len(self._refused)

    @property
    def tolerant(self) -> bool:
        """Whether rows may be refused at all."""
        return self._limit is not None

    @property
    def room(self) -> int:
        """How many more rows may be refused, and one: after so many, more need not be looked for."""
        return 1 if self._limit is None else self._limit - len(self._refused) + 1

    @property
    def source_rows(self) -> list[int]:
        """The rows, as they were read, that are refused before the load."""
        return [refused.row for refused in self._refused if refused.row is not None]

    @property
    def places(self) -> list[int]:
        """The rows of the output that are refused in the load."""
        return [refused.place for refused in self._refused if refused.place is not None]

    def kept(self, output: pa.Table) -> pa.Table:
        """The rows of the output that are not refused."""
        if not self.places:
            return output
        return output.filter(pa.array(~np.isin(np.arange(output.num_rows), self.places)))

    def add(self, refused: Refused, error: EtlError) -> None:
        """Set a row aside; `error` is what it met. Raises it, with the row named, where none may be set aside.

        Raises TooManyRejects for one that is beyond the limit.
        """
        if self._limit is None:
            (found,) = self._located([refused])
            error.message = f"{error.message}; it is {self._who(found)}{self._sent(found)}"
            self.last_straw = error
            raise error
        self._refused.append(refused)
        if len(self._refused) > self._limit:
            self.last_straw = self._too_many(self._limit)
            raise self.last_straw

    def require_room_beside(self, committed: int) -> None:
        """Raise TooManyRejects where these are too many together with those of the run's committed chunks."""
        if self._limit is not None and self._refused and committed + len(self._refused) > self._limit:
            raise self._too_many(self._limit, committed)

    def back_to(self, count: int) -> None:
        """Forget all but the first: what refused the others was taken back."""
        del self._refused[count:]

    def as_rejects(self, run_id: str, chunk_no: int) -> list[Reject]:
        """The rows for the ledger, in the order of the source as far as that is known."""
        found = sorted(self._located(self._refused), key=lambda refused: (refused.row is None, refused.row or 0))
        places = [refused.row for refused in found if refused.row is not None]
        values = dict(zip(places, exact_json.rows(_take(self.rows, places)), strict=True))
        return [
            Reject(
                run_id=run_id,
                chunk_no=chunk_no,
                reject_no=number,
                row_no=refused.row,
                stage=refused.stage,
                error_number=refused.number,
                column_name=refused.column,
                reason=refused.reason,
                row_key=self._key_text(refused),
                row_values=None if refused.row is None else values[refused.row],
                output_values=self._output_json(refused),
            )
            for number, refused in enumerate(found)
        ]

    def _located(self, found: list[Refused]) -> list[Refused]:
        """With the rows of the chunk of those that are known by their places in the output."""
        places = [refused.place for refused in found if refused.place is not None]
        if not places:
            return found
        assert self.output is not None
        rows = dict(zip(places, self.output.locate(places), strict=True))
        return [one if one.place is None else replace(one, row=rows[one.place]) for one in found]

    def _output_json(self, refused: Refused) -> str | None:
        if refused.place is None or self.output is None or not self.output.is_other:
            return None
        return exact_json.rows(_take(self.output.rows, [refused.place]))[0]

    def _key_text(self, refused: Refused) -> str | None:
        sent = None if self.output is None else self.output.rows
        for row, table in ((refused.row, self.rows), (refused.place, sent)):
            if row is not None and table is not None and self._key in table.column_names:
                value = exact_json.values(table.column(self._key).slice(row, 1))[0]
                return None if value is None else str(value)
        return None

    def _who(self, refused: Refused) -> str:
        key = self._key_text(refused)
        place = "a row" if refused.row is None else f"row {refused.row} of the chunk"
        return place if key is None else f"{place}, {self._key} = {key}"

    def _sent(self, refused: Refused) -> str:
        """The row that the server refused, shortened: which of its values are to blame is said by the server alone."""
        if refused.place is None or self.output is None:
            return ""
        text = exact_json.rows(_take(self.output.rows, [refused.place]))[0]
        return f": {text}" if len(text) <= MAX_SENT_CHARS else f": {text[:MAX_SENT_CHARS]}… ({len(text)} characters)"

    def _too_many(self, limit: int, committed: int = 0) -> TooManyRejects:
        shown = "; ".join(f"{self._who(one)}: {one.reason}" for one in self._located(self._refused[:SHOWN_REJECTS]))
        before = f" beside {committed:,} of committed chunks" if committed else ""
        more = "" if committed else "or more "
        return TooManyRejects(
            f"{len(self._refused):,} {more}rows are refused{before}, and max_rejects is {limit:,}; the first: {shown}",
            advice="Correct what they have in common, or give the job a higher max_rejects.",
        )


def _take(table: pa.Table, places: list[int]) -> pa.Table:
    return table.take(pa.array(places, pa.int64()))
