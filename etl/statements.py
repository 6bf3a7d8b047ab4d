"""SQL text: the files of `sql/`, and the one place where identifiers are quoted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from etl.errors import JobError

IDENTIFIER_PART = re.compile(r'\[((?:[^\]]|\]\])+)\]|"((?:[^"]|"")+)"|([^.\[\]"]+)')
MAX_IDENTIFIER_CHARS = 128
"""sysname, the type of every identifier in SQL Server."""


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

    Raises JobError for an identifier that no database takes: empty, with a NUL, longer than 128 characters.
    """
    if not identifier or "\0" in identifier or len(identifier) > MAX_IDENTIFIER_CHARS:
        raise JobError(f"{identifier!r} is not an identifier", advice="Use 1 to 128 characters without NUL.")
    if dialect_name == "mssql":
        return "[" + identifier.replace("]", "]]") + "]"
    return '"' + identifier.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True)
class TableName:
    """A table's name in up to three parts, unquoted."""

    name: str
    schema: str | None = None
    database: str | None = None

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
                raise JobError(f"{text!r} is not a table name", advice="Write schema.table, or [schema].[table].")
            position += 1
        if position != len(text) or text.endswith(".") or not 1 <= len(parts) <= 3 or not all(parts):
            raise JobError(f"{text!r} is not a table name", advice="Write schema.table, or [schema].[table].")
        name, schema, database = (*reversed(parts), None, None)[:3]
        assert name is not None
        return cls(name, schema, database)

    def quoted(self, dialect_name: str) -> str:
        """The whole name, each part quoted."""
        parts = (self.database, self.schema, self.name)
        return ".".join(quote(dialect_name, part) for part in parts if part is not None)

    def sibling(self, name: str) -> TableName:
        """Another table in the same schema."""
        return TableName(name, self.schema, self.database)

    def __str__(self) -> str:
        return ".".join(part for part in (self.database, self.schema, self.name) if part is not None)
