"""SQL text: the files of `sql/`, and the one place where identifiers are quoted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from etl.errors import JobError

IDENTIFIER_PART = re.compile(r'\[((?:[^\]]|\]\])+)\]|"((?:[^"]|"")+)"|([^.\[\]"]+)')
MAX_IDENTIFIER_CHARS = 128
"""sysname, the type of every identifier in SQL Server, is nvarchar(128): of UTF-16 units, two for a supplementary character."""
MAX_SHOWN_CHARS = 200
NAMING = "Use 1 to 128 characters; one beyond U+FFFF, such as an emoji, counts twice."


def data_folder(name: str) -> Path:
    """The folder `sql` or `odbc`: beside the package in a checkout, inside it once installed."""
    installed = Path(__file__).parent / "_data" / name
    return installed if installed.is_dir() else Path(__file__).parent.parent / name


@cache
def load(name: str) -> str:
    """The statement in `sql/<name>.sql` without its comment lines."""
    lines = (data_folder("sql") / f"{name}.sql").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("--")).strip()


def quote(dialect_name: str, identifier: str) -> str:
    """The identifier as the database reads it verbatim: `[a]]b]` for mssql, `"a""b"` for sqlite.

    Raises JobError for an identifier that no database takes: empty, with a NUL or half of a surrogate pair, longer than
    128 UTF-16 units.
    """
    require_identifier(identifier)
    if dialect_name == "mssql":
        return "[" + identifier.replace("]", "]]") + "]"
    return '"' + identifier.replace('"', '""') + '"'


def require_identifier(identifier: str) -> None:
    """Raise JobError for what `quote` refuses."""
    problem = _problem(identifier)
    if problem:
        raise JobError(f"{shortened(identifier)!r} is not an identifier: {problem}", advice=NAMING)


def _no_table(text: str) -> JobError:
    return JobError(f"{shortened(text)!r} is not a table name", advice="Write schema.table, or [schema].[table].")


def _problem(identifier: str) -> str:
    if not identifier:
        return "it is empty"
    if "\0" in identifier:
        return "it has a NUL in it"
    try:
        units = len(identifier.encode("utf-16-le")) // 2
    except UnicodeEncodeError:
        return "it has half of a surrogate pair in it"
    return f"it has {units} UTF-16 units" if units > MAX_IDENTIFIER_CHARS else ""


def cut(identifier: str, suffix: str) -> str:
    """The identifier with a suffix, and without as much of its end as makes that too long."""
    units = MAX_IDENTIFIER_CHARS - len(suffix)
    return identifier.encode("utf-16-le")[: 2 * units].decode("utf-16-le", "ignore") + suffix


def shortened(text: str) -> str:
    """A name as a message repeats it, however long it is."""
    return text if len(text) <= MAX_SHOWN_CHARS else f"{text[:MAX_SHOWN_CHARS]}…"


@dataclass(frozen=True, slots=True)
class TableName:
    """A table's name in up to three parts, unquoted. Making one raises JobError for a part that is no identifier."""

    name: str
    schema: str | None = None
    database: str | None = None

    def __post_init__(self) -> None:
        for part in (self.database, self.schema, self.name):
            if part is not None:
                require_identifier(part)

    @classmethod
    def parse(cls, text: str) -> TableName:
        """Read `table`, `schema.table` or `database.schema.table`; parts may stand in [brackets] or "quotes"."""
        parts: list[str] = []
        position = 0
        while (match := IDENTIFIER_PART.match(text, position)) is not None:
            bracketed, quoted, bare = match.groups()
            parts.append(
                bracketed.replace("]]", "]") if bracketed else quoted.replace('""', '"') if quoted else bare.strip()
            )
            position = match.end()
            if position == len(text):
                break
            if text[position] != ".":
                raise _no_table(text)
            position += 1
        if position != len(text) or text.endswith(".") or not 1 <= len(parts) <= 3 or not all(parts):
            raise _no_table(text)
        name, schema, database = (*reversed(parts), None, None)[:3]
        assert name is not None
        return cls(name, schema, database)

    def quoted(self, dialect_name: str) -> str:
        """The whole name, each part quoted."""
        parts = (self.database, self.schema, self.name)
        return ".".join(quote(dialect_name, part) for part in parts if part is not None)

    def require_lasting(self, dialect_name: str) -> None:
        """Raise JobError for a table that ends with the connection that made it, and that no other one sees."""
        if dialect_name == "mssql" and self.name.startswith("#"):
            raise JobError(
                f"{self} is a temporary table, which ends with the connection that made it",
                state="Nothing was written.",
                advice="Take a name that does not begin with #.",
            )

    def sibling(self, name: str) -> TableName:
        """Another table in the same schema."""
        return TableName(name, self.schema, self.database)

    def __str__(self) -> str:
        return ".".join(part for part in (self.database, self.schema, self.name) if part is not None)
