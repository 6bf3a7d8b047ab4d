"""A chunk's rows through transform, schema and cast, the bad ones told apart. Only a chunk that fails as a whole pays.

The transform must judge each row by itself: the rows of a chunk that fails are handed to it in parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from etl import frames, transform
from etl.bad_rows import halving, misfits, row_schema
from etl.bad_rows.tally import Refused, Tally
from etl.errors import EtlError, SchemaError, TransformError
from etl.frame_dtypes import FrameDtypes
from etl.transform import Transform

Places = np.ndarray[Any, np.dtype[np.int64]]

PIECE_ROWS = 1_024
"""Rows that are handed to the transform together while those that it raises at are looked for."""


@dataclass(frozen=True, slots=True)
class Sifted:
    """What is to be written, and which row of the chunk each row of it comes from, as far as that is known."""

    output: pa.Table
    origin: Places | None
    """From 0; None where the transform hides it."""


@dataclass(frozen=True)
class Sieve:
    """What a job does with a chunk's rows between reading and writing."""

    transform: str | None
    schema: str | None
    frame_dtypes: FrameDtypes
    output: pa.Schema
    """The types in which rows are written."""

    @property
    def may_change(self) -> bool:
        """Whether rows may become others."""
        return self.transform is not None or self.schema is not None

    def sift(self, rows: pa.Table, tally: Tally) -> Sifted:
        """The rows to write. Those that something refuses go to the tally, which may raise what they met.

        Raises TransformError, or SchemaError where columns do not fit, for what no single row is to blame for.
        """
        if not self.may_change:
            return self._cast_only(rows, tally)
        try:
            return self._all_at_once(rows)
        except _Refusing as found:
            whole = found
        sifted = self._good(rows, tally, whole)
        if not len(tally):
            raise whole.error
        return sifted

    def sample(self, rows: pa.Table) -> pd.DataFrame:
        """What the transform makes of the rows that it does not raise at. Raises TransformError where it raises at all."""
        try:
            return self._transformed(self._read(rows))
        except _Refusing as found:
            error = found.error
        frame = self._read(rows)
        done: list[pd.DataFrame] = []

        def attempt(start: int, stop: int) -> EtlError | None:
            try:
                done.append(self._transformed(_part(frame, start, stop)))
            except _Refusing as found:
                return found.error
            return None

        for _ in halving.search(0, rows.num_rows, attempt, piece=PIECE_ROWS):
            pass
        if not done:
            raise error
        return pd.concat(done)

    def locate(self, rows: pa.Table, sifted: Sifted, places: list[int]) -> list[int | None]:
        """Which row of the chunk each of these rows of its output was; None where that cannot be told for sure."""
        if sifted.origin is None:
            return [None] * len(places)
        origin = sifted.origin[places]
        if self.may_change:
            try:
                alone = self._all_at_once(rows.take(pa.array(origin))).output
            except _Refusing:
                return [None] * len(places)
            if not alone.equals(sifted.output.take(pa.array(places, pa.int64()))):
                return [None] * len(places)
        return [int(row) for row in origin]

    @cached_property
    def _function(self) -> Transform:
        return transform.find(self.transform) if self.transform is not None else _unchanged

    @cached_property
    def _schema(self) -> Any:
        return None if self.schema is None else row_schema.find(self.schema)

    def _cast_only(self, rows: pa.Table, tally: Tally) -> Sifted:
        # Passed on as it is where source and target type are the same, else by the same exact casts.
        same = rows.schema.types == self.output.types
        everything = np.arange(rows.num_rows)
        try:
            return Sifted(rows if same else frames.cast_table(rows, self.output), everything)
        except SchemaError as error:
            for place, misfit in _by_row(misfits.of_table(rows, self.output), tally.room):
                tally.add(Refused("cast", misfit.reason, place, column=misfit.column), error)
            if not len(tally):
                raise
        kept = _without(everything, tally.source_rows)
        return Sifted(frames.cast_table(rows.take(pa.array(kept)), self.output), kept)

    def _all_at_once(self, rows: pa.Table) -> Sifted:
        frame = self._transformed(self._read(rows))
        validated, broken = self._validated(frame)
        if broken:
            first = broken[0]
            raise _Refusing(SchemaError(f"column {first.column!r}, row {first.row}: {first.reason}"), frame)
        try:
            return Sifted(frames.to_arrow(validated, self.output), _origin(validated, rows.num_rows))
        except SchemaError as error:
            frames.check_columns(validated, self.output)  # raises for what is no row's doing
            raise _Refusing(error, frame) from error

    def _read(self, rows: pa.Table) -> pd.DataFrame:
        return frames.to_pandas(rows, self.frame_dtypes)

    def _transformed(self, frame: pd.DataFrame) -> pd.DataFrame:
        """What the transform makes of a frame, which is numbered from 0."""
        try:
            return transform.call(self.transform or "", self._function, frame)
        except TransformError as error:
            if error.__cause__ is None:  # it returned something else than a frame
                raise
            raise _Refusing(error) from error

    def _validated(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, list[row_schema.Broken]]:
        return (frame, []) if self.schema is None else row_schema.checked(self.schema, self._schema, frame)

    def _good(self, rows: pa.Table, tally: Tally, whole: _Refusing) -> Sifted:
        """The output of the good rows of a chunk in which some are bad."""
        if whole.frame is not None:
            return self._judged(rows, whole.frame, tally, whole.error)
        frame = self._read(rows)
        done: list[tuple[int, int, pd.DataFrame]] = []

        def attempt(start: int, stop: int) -> EtlError | None:
            try:
                done.append((start, stop, self._transformed(_part(frame, start, stop))))
            except _Refusing as found:
                return found.error
            return None

        for row, error in halving.search(0, rows.num_rows, attempt, piece=PIECE_ROWS):
            if not tally.tolerant and type(error.__cause__) is not type(whole.error.__cause__):
                raise whole.error  # Alone the row fails for another reason: this transform does not judge rows by themselves.
            tally.add(Refused("transform", error.message, row), error if tally.tolerant else whole.error)
        return self._judged(rows, _joined(done), tally) if done else Sifted(self.output.empty_table(), None)

    def _judged(self, rows: pa.Table, frame: pd.DataFrame, tally: Tally, whole: EtlError | None = None) -> Sifted:
        """The transform's output without the rows that the schema or the cast refuses. `whole` is what it met as a whole."""
        bad, validated = self._bad_rows(frame, tally.room)
        if not bad:
            return Sifted(frames.to_arrow(validated, self.output), _origin(validated, rows.num_rows))
        origin = self._sure_origin(rows, frame, list(bad))
        if origin is None:
            return self._one_by_one(rows, tally)
        for place, refused in bad.items():
            tally.add(replace(refused, row=int(origin[place])), whole or _as_error(refused))
        kept = _without(np.arange(len(frame)), list(bad))
        good, _ = self._validated(frame.iloc[kept])
        return Sifted(frames.to_arrow(good, self.output), origin[kept])

    def _bad_rows(self, frame: pd.DataFrame, most: int) -> tuple[dict[int, Refused], pd.DataFrame]:
        """What schema or cast refuse of a frame, by place, about `most` of it; and the frame as the schema returns it."""
        validated, broken = self._validated(frame)
        if broken:
            bad = {one.row: Refused("schema", one.reason, None, column=one.column) for one in broken}
            kept = _without(np.arange(len(frame)), list(bad))
            others, _ = self._bad_rows(frame.iloc[kept], most)
            bad |= {int(kept[place]): refused for place, refused in others.items()}
            return dict(sorted(bad.items())), frame
        found = _by_row(misfits.of_frame(validated, self.output), most)
        return {place: Refused("cast", one.reason, None, column=one.column) for place, one in found}, validated

    def _sure_origin(self, rows: pa.Table, frame: pd.DataFrame, bad: list[int]) -> Places | None:
        """The chunk's row of each row of the frame, by the frame's index, where that tells the truth of the bad ones."""
        origin = _origin(frame, rows.num_rows)
        if origin is None:
            return None
        try:
            alone = self._transformed(self._read(rows.take(pa.array(origin[bad]))))
        except _Refusing:
            return None
        expected = frame.iloc[bad]
        same = len(alone) == len(expected) and alone.reset_index(drop=True).equals(expected.reset_index(drop=True))
        return origin if same else None

    def _one_by_one(self, rows: pa.Table, tally: Tally) -> Sifted:
        """The same for a transform that hides where its rows come from: by halving what goes in."""
        places = _without(np.arange(rows.num_rows), tally.source_rows)
        read = self._read(rows.take(pa.array(places)))
        kept: list[pa.Table] = []

        def attempt(start: int, stop: int) -> Refused | None:
            try:
                frame = self._transformed(_part(read, start, stop))
            except _Refusing as found:
                return Refused("transform", found.error.message, None)
            bad, validated = self._bad_rows(frame, 1)
            if bad:
                return next(iter(bad.values()))
            kept.append(frames.to_arrow(validated, self.output))
            return None

        for place, refused in halving.search(0, len(places), attempt, piece=PIECE_ROWS):
            tally.add(replace(refused, row=int(places[place])), _as_error(refused))
        return Sifted(pa.concat_tables([self.output.empty_table(), *kept]), None)


class _Refusing(Exception):
    """Rows of a chunk are refused, as `error` says."""

    def __init__(self, error: EtlError, frame: pd.DataFrame | None = None) -> None:
        """`frame`: what the transform returned, where it did."""
        super().__init__(error)
        self.error = error
        self.frame = frame


def _unchanged(frame: pd.DataFrame) -> pd.DataFrame:
    return frame


def _part(frame: pd.DataFrame, start: int, stop: int) -> pd.DataFrame:
    """Rows of a frame, numbered from 0 as a chunk's are. What is assigned to them does not reach the frame (copy on write)."""
    return frame.iloc[start:stop].set_axis(pd.RangeIndex(stop - start), axis=0)


def _origin(frame: pd.DataFrame, rows: int) -> Places | None:
    """Which row each row of a transform's output was, as its index says: a transform that filters or assigns keeps it."""
    index = frame.index
    if index.dtype.kind not in "iu" or not index.is_unique or not len(index):
        return None if len(index) else np.empty(0, np.int64)
    places = index.to_numpy(dtype=np.int64)
    return places if places.min() >= 0 and places.max() < rows else None


def _joined(parts: list[tuple[int, int, pd.DataFrame]]) -> pd.DataFrame:
    """What a transform made of the rows [start, stop) of a chunk each, as one frame; its index tells the chunk's rows."""
    origins = [(start, _origin(frame, stop - start)) for start, stop, frame in parts]
    known = [start + origin for start, origin in origins if origin is not None]
    joined = pd.concat([frame for _, _, frame in parts])
    # Where one part hides its rows, none is to be believed: an index of -1 tells nothing.
    places = np.concatenate(known) if len(known) == len(parts) else np.full(len(joined), -1)
    return joined.set_axis(places, axis=0)


def _without(places: Places, bad: list[Any]) -> Places:
    return places[~np.isin(places, np.asarray(bad, dtype=np.int64))]


def _as_error(refused: Refused) -> SchemaError:
    return SchemaError(f"column {refused.column!r}: {refused.reason}")


def _by_row(found: Iterator[misfits.Misfit], most: int) -> list[tuple[int, misfits.Misfit]]:
    """The first misfit of each row, by row; of no more than `most` rows."""
    first: dict[int, misfits.Misfit] = {}
    for misfit in found:
        first.setdefault(misfit.row, misfit)
        if len(first) >= most:
            break
    return sorted(first.items())
