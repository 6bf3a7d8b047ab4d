"""Names as bad as SQL Server takes them, and tables that have them, taken through every way that rows go."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from hypothesis import strategies as st

import etl
from etl import lineage
from etl.job import make
from tests.databases import MssqlDatabase, Row

MAX_UNITS = 128
"""Of UTF-16, in a sysname."""
TAKEN = {"dbo", "sys", "guest", "informationschema"}
"""Schemas that every database has, as `likeness` has them."""

RESERVED = "select table user order group key index default current_user identity null plan merge with having percent"
PARTS = [
    *(
        "]",
        "]]",
        "[",
        "'",
        "''",
        '"',
        ";",
        "}",
        "{",
        "{d '2020-01-01'}",
        "{ts",
        "{?=call x}",
        "%",
        "%s",
        "%(a)s",
        "%%",
        ":",
        ":a",
    ),
    *(
        "?",
        "--",
        "/*",
        "*/",
        "//",
        "\\",
        "\\n",
        "$1",
        "$$",
        "@",
        "@a",
        "#",
        "##",
        "&",
        "=",
        ",",
        "(",
        ")",
        "*",
        "`",
        "~",
        "|",
        ".",
    ),
    *(
        " ",
        "  ",
        " x",
        "\t",
        "\n",
        "\r\n",
        "\x01",
        "\x7f",
        "\x85",
        "\xa0",
        "\u2028",
        "\u200b",
        "\u202e",
        "\ufeff",
        "_x0041_",
    ),
    *(
        "é",
        "e\u0301",
        "\u0301",
        "ß",
        "İ",
        "ı",
        "Σ",
        "ς",
        "ﬁ",
        "Å",
        "\u212b",
        "ﾊ",
        "日本",
        "नि",
        "😀",
        "👩\u200d🔬",
        "𝕏",
        "\U0010ffff",
    ),
    *(
        "GO",
        "N'x'",
        "DROP TABLE x",
        "ctid",
        "xmin",
        "tableoid",
        "etl_run_id",
        "row_no",
        "NaN",
        "None",
        "a.b",
        "[a].[b]",
    ),
    *(RESERVED.split()),
    *("x" * 126, "]" * 60, "😀" * 62, "é" * 127),
]
CHARACTERS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8)


def units(name: str) -> int:
    """Its length as SQL Server counts it."""
    return len(name.encode("utf-16-le")) // 2


def cut(name: str, most: int) -> str:
    """At most so many units of it."""
    return name.encode("utf-16-le")[: 2 * most].decode("utf-16-le", "ignore")


def likeness(name: str) -> str:
    """What is left of a name when all is taken away that no collation may see: names without a likeness in common differ."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(one for one in plain if "!" <= one <= "~" and one not in "'-")


NAMES = (
    st.lists(st.sampled_from(PARTS) | CHARACTERS, min_size=1, max_size=4)
    .map("".join)
    .map(lambda text: cut(text, MAX_UNITS))
    .filter(lambda name: name.strip() != "")
)


def distinct(names: Iterable[str], taken: set[str]) -> list[str]:
    """The names, numbered where a collation might hold them for one that is there already."""
    found, seen = [], set(taken)
    for number, name in enumerate(names):
        unlike = name
        if likeness(name) in seen | {""}:
            unlike = cut(name, MAX_UNITS - 6) + f"~{number}"
        seen.add(likeness(unlike))
        found.append(unlike)
    return found


@dataclass(frozen=True)
class Named:
    """Names of a schema, of two tables in it and of columns, and the way that rows go from one table to the other."""

    schema: str
    source: str
    target: str
    columns: list[str]
    way: dict[str, Any] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many names they are."""
        return 3 + len(self.columns)

    def __repr__(self) -> str:
        names = {"schema": self.schema, "source": self.source, "target": self.target, "columns": self.columns}
        return f"Named({', '.join(f'{what}={name!a}' for what, name in names.items())}, way={self.way})"


WAYS = st.fixed_dictionaries(
    {"mode": st.sampled_from(["append", "replace"]), "from": st.sampled_from(["table", "query"])},
    optional={
        "transform": st.just("tests.faults.transforms:as_it_is"),
        "on_bad_row": st.just("reject"),
        "lineage": st.just(True),
    },
)


@st.composite
def named(draw: st.DrawFn, columns: tuple[int, int] = (1, 16)) -> Named:
    """Names that SQL Server takes, all unlike each other where they have to be."""
    # A table whose name begins with # is a temporary one.
    tables = [f"t{name[1:]}" if name[0] == "#" else name for name in (draw(NAMES), draw(NAMES))]
    (schema,) = distinct([draw(NAMES)], TAKEN)
    source, target = distinct(tables, set())
    names = draw(st.lists(NAMES, min_size=columns[0], max_size=columns[1]))
    return Named(schema, source, target, distinct(names, {likeness(lineage.RUN), likeness(lineage.CHUNK)}), draw(WAYS))


TYPES = ["int", "nvarchar(200)", "decimal(10,2)"]
ROWS = 5


def quoted(*names: str) -> str:
    """A name of several parts for T-SQL, by the rule of its documentation."""
    return ".".join("[" + name.replace("]", "]]") + "]" for name in names)


def check(database: MssqlDatabase, names: Named) -> None:
    """A table of these names is made, read, copied and written, and comes back with the same names and values."""
    source, target = quoted(names.schema, names.source), quoted(names.schema, names.target)
    _clear(database)
    database.query(f"CREATE SCHEMA {quoted(names.schema)}")
    rows = _make(database, names, source)
    _as_stored(database, names, names.source)
    _run(database, names, source, target)
    assert rows_of(database, names, target) == rows, "copied by a run"
    frame = etl.read_sql(target, database.url, columns=names.columns)
    assert list(frame.columns) == names.columns
    assert etl.to_sql(frame, names.target, database.url, schema=names.schema, if_exists="replace", index=False) == ROWS
    _as_stored(database, names, names.target)
    assert rows_of(database, names, target) == rows, "copied by a frame"


def _clear(database: MssqlDatabase) -> None:
    """Drop the schemas of the last case, with what is in them."""
    for schema, table in database.query("SELECT SCHEMA_NAME(schema_id), name FROM sys.tables WHERE schema_id <> 1"):
        database.query(f"DROP TABLE {quoted(schema, table)}")
    for (schema,) in database.query("SELECT name FROM sys.schemas WHERE schema_id BETWEEN 5 AND 16383"):
        database.query(f"DROP SCHEMA {quoted(schema)}")


def _make(database: MssqlDatabase, names: Named, table: str) -> list[Row]:
    first, *others = [f"{quoted(name)} {TYPES[place % len(TYPES)]}" for place, name in enumerate(names.columns)]
    database.query(
        f"CREATE TABLE {table} ({', '.join([f'{first} NOT NULL PRIMARY KEY', *(f'{one} NULL' for one in others)])})"
    )
    texts = [row_text(names.columns, number) for number in range(1, ROWS + 1)]
    database.query(f"INSERT INTO {table} VALUES {', '.join(texts)}")
    rows = rows_of(database, names, table)
    assert [row[0] for row in rows] == list(range(1, ROWS + 1))
    return rows


def row_text(columns: Sequence[str], number: int) -> str:
    """A row as T-SQL writes it: its number, and names as text."""
    names = ("N'" + name.replace("'", "''") + "'" for name in columns)
    values = [(str(number), name, f"{number}.25")[place % len(TYPES)] for place, name in enumerate(names)]
    return f"({', '.join(['NULL' if place and place == number else value for place, value in enumerate(values)])})"


def rows_of(database: MssqlDatabase, names: Named, table: str) -> list[Row]:
    """The table's rows, in order, of its own columns alone."""
    columns = ", ".join(map(quoted, names.columns))
    return database.query(f"SELECT {columns} FROM {table} ORDER BY 1")


def _as_stored(database: MssqlDatabase, names: Named, table: str) -> None:
    """The catalog has the names as they were given."""
    found = database.connection.execute(
        sa.text(
            "SELECT s.name, t.name, c.name FROM sys.columns c JOIN sys.tables t ON t.object_id = c.object_id"
            " JOIN sys.schemas s ON s.schema_id = t.schema_id WHERE t.object_id = OBJECT_ID(:table) ORDER BY c.column_id"
        ),
        {"table": quoted(names.schema, table)},
    ).all()
    assert [tuple(row) for row in found] == [(names.schema, table, column) for column in names.columns]


def _run(database: MssqlDatabase, names: Named, source: str, target: str) -> None:
    way = dict(names.way)
    rows = {"query": f"SELECT * FROM {source}"} if way.pop("from") == "query" else {"source_table": source}
    if "source_table" in rows:
        rows["key"] = names.columns[0]
    job = make(
        source=database.url, target=database.url, target_table=target, executor="serial", chunk_rows=3, **rows, **way
    )
    assert etl.run(job, new_run=True).rows_written == ROWS
