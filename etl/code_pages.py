"""What a char, varchar or text column can hold: the code page that its collation implies.

SQL Server puts "?" or a similar letter in the place of a character that the code page lacks, without a word, and FreeTDS
refuses the row without naming the column. So such a value is looked for before it is sent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

import numpy as np
import pyarrow as pa

from etl import types
from etl.errors import SchemaError
from etl.types import Column

ENCODED = frozenset({"char", "varchar", "text"})
"""The types whose text is in the code page of the column's collation; the others have UTF-16."""

DESIGNATORS: dict[int, str] = {
    874: "Thai",
    932: "Japanese",
    1250: "Albanian Bosnian_Latin Croatian Czech Hungarian Polish Romanian Serbian_Latin Slovak Slovenian Turkmen",
    1251: "Azeri_Cyrillic Bashkir Bosnian_Cyrillic Cyrillic_General Kazakh Macedonian_FYROM Serbian_Cyrillic Tatar Ukrainian "
    "Yakut",
    1252: "Breton Corsican Danish_Greenlandic Danish_Norwegian Finnish_Swedish French Frisian Georgian_Modern_Sort "
    "German_PhoneBook Icelandic Latin1_General Mapudungan Modern_Spanish Mohawk Norwegian Romansh Sami_Norway "
    "Sami_Sweden_Finland Tamazight Traditional_Spanish Upper_Sorbian Welsh",
    1253: "Greek",
    1254: "Azeri_Latin Turkish Uzbek_Latin",
    1255: "Hebrew",
    1256: "Arabic Dari Persian Uighur Urdu",
    1257: "Estonian Latvian Lithuanian",
    1258: "Vietnamese",
}
"""Windows collations by code page ("Windows collation name (Transact-SQL)"). Those of Chinese and Korean are not here: Python's
codecs for them are not what Windows has."""
SQL_COLLATION = re.compile(r"SQL_\w*?_CP(\d+)_", re.IGNORECASE)
"""SQL collations name their code page, CP1 for 1252 ("SQL Server collation name (Transact-SQL)")."""


def is_utf8(collation: str | None) -> bool:
    """Whether the collation's code page is UTF-8, which holds every character."""
    return (collation or "").upper().endswith("_UTF8")


def is_encoded(column: Column) -> bool:
    """Whether the column's text is in a code page."""
    return types.base_name(column.sql_type) in ENCODED


@cache
def codec(collation: str | None) -> str | None:
    """Python's name of the collation's code page; None where it holds every character or is not known here."""
    if collation is None or is_utf8(collation):
        return None
    named = SQL_COLLATION.match(collation)
    if named is not None:
        return "cp1252" if named[1] == "1" else f"cp{named[1]}"
    for page, designators in DESIGNATORS.items():
        if any(collation.upper().startswith(f"{designator.upper()}_") for designator in designators.split()):
            return f"cp{page}"
    return None


def differ(column: Column, database_collation: str) -> bool:
    """Whether the column's text is in another code page than that of the database's collation."""
    if not is_encoded(column) or column.collation in {None, database_collation}:
        return False
    ours, theirs = codec(database_collation), codec(column.collation)
    return ours != theirs or ours is None  # None is UTF-8, or one that is not known here


def refuse_foreign(rows: pa.Table, columns: Sequence[Column]) -> None:
    """Raise SchemaError, naming column, row and character, for text that is not in its column's code page.

    `rows` has one column for each of `columns`, in order.
    """
    for values, column in zip(rows.columns, columns, strict=True):
        name = codec(column.collation)
        if name is not None and is_encoded(column):
            for chunk in values.chunks:
                if not _holds(chunk, name):
                    _refuse(values, column, name)


def _holds(values: pa.Array, codec_name: str) -> bool:
    text = _bytes(values)
    if not len(text) or int(text.max()) < 0x80:
        return True
    try:
        text.tobytes().decode().encode(codec_name)
    except UnicodeEncodeError:
        return False
    return True


def _bytes(values: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """All values' UTF-8, one after the other."""
    _, offsets, text = values.buffers()
    if text is None or not len(values):
        return np.empty(0, np.uint8)
    bounds = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1]
    return np.frombuffer(text, np.uint8)[bounds[0] : bounds[-1]]


def _refuse(values: pa.ChunkedArray, column: Column, codec_name: str) -> None:
    for row, value in enumerate(values.to_pylist()):
        try:
            (value or "").encode(codec_name)
        except UnicodeEncodeError as error:
            raise SchemaError(
                f"column {column.name} ({column.sql_type}, code page {codec_name.removeprefix('cp')}), row {row}: "
                f"{value!r:.200} has {error.object[error.start]!r}, which the code page lacks",
                state="Nothing of these rows was written.",
                advice="Make the column nvarchar, or replace the character in the transform.",
            ) from error
