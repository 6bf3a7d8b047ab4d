"""The fields of a job in a YAML file, each with its line. Stricter than YAML, which passes over some mistakes silently."""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from etl.errors import JobError
from etl.misplaced import is_connection
from etl.nearest import did_you_mean

MAX_BYTES = 1 << 18
"""A job with a long query has some thousand; a file with more is something else, and would take its time to read."""
MAX_DEPTH = 8
"""Two would do for a job's fields. PyYAML goes down by recursion, and ends in RecursionError after some hundred."""

EXAMPLE = "Write one field a line, e.g. source_table: dbo.orders."
QUOTING = "Write name: value, and put a value with any of : # * & ! [ { or quotes in it between 'quotes'."


@dataclass(frozen=True, slots=True)
class JobFile:
    """What a file says."""

    fields: dict[str, Any]
    lines: dict[str, int]
    """Where each field stands, from 1."""


def read(path: Path) -> JobFile:
    """The file's fields, not checked yet.

    Raises JobError for a file that cannot be read, is not YAML, or says something twice. No message repeats a value, nor
    what YAML's reader says of it: it may be a password.
    """
    text = _text(path)
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise JobError(f"{path} holds no job", advice=EXAMPLE)
        fields = loader.construct_mapping(node)
    except _Refused as refused:
        raise JobError(f"{path}, line {refused.line}: {refused.problem}", advice=refused.advice) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise JobError(f"{path}, line {line}: YAML allows no U+{ord(text[error.position]):04X}") from None
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(path, text, error.problem_mark) from None
    return JobFile(
        {str(name): value for name, value in fields.items()},
        {key.value: key.start_mark.line + 1 for key, _ in node.value},
    )


def _not_yaml(path: Path, text: str, mark: Any) -> JobError:
    where = f"{path}, line {mark.line + 1}"
    if text[mark.index : mark.index + 1] == "\t":
        return JobError(f"{where}: a tab, which YAML does not allow here", advice="Indent with spaces.")
    return JobError(f"{where}: this is not YAML, or not one document of it", advice=QUOTING)


class _Refused(Exception):
    """What YAML takes and a job does not."""

    def __init__(self, at: yaml.Node | yaml.Event, problem: str, advice: str = "") -> None:
        super().__init__(problem)
        self.line = 1 if at.start_mark is None else at.start_mark.line + 1
        self.problem = problem
        self.advice = advice


class _Loader(yaml.SafeLoader):
    """YAML without what exhausts a reader's stack or memory, and without what drops a value."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """The next node and all below it."""
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]  # types-PyYAML leaves it so
        if self.depth > MAX_DEPTH:
            raise _Refused(event, f"more than {MAX_DEPTH} lists and mappings inside each other")
        if isinstance(event, yaml.AliasEvent) and event.anchor not in self.anchors:
            raise _Refused(event, "a value begins with * and is not in quotes", QUOTING)
        if getattr(event, "tag", None) is not None:
            raise _Refused(event, "a value begins with ! and is not in quotes", QUOTING)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        if isinstance(event, yaml.AliasEvent) and not isinstance(node, yaml.ScalarNode):
            # A few lines of them can stand for more than any memory holds, or for themselves.
            raise _Refused(event, "*name stands for a list or mapping", "Write it out.")
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = True) -> dict[Hashable, Any]:
        """Names as they are written: also `no`, `1` and `2024-01-01`, which YAML takes for other things than text."""
        values: dict[Hashable, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _Refused(key, "a list or mapping stands where a name belongs", EXAMPLE)
            if key.value in values:
                raise _Refused(key, f"{name_shown(key.value)} is given twice", "Keep one of them.")
            values[key.value] = self.construct_object(value, deep=deep)
        return values

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """The node's value."""
        try:
            return super().construct_object(node, deep=deep)
        except ValueError:  # 2024-02-30, or a number of 5,000 digits
            raise _Refused(node, "a value looks like a number or a date, and is none", QUOTING) from None


def name_shown(name: str) -> str:
    """The name of a field or column as a message may repeat it, which may be anything, a password too."""
    return name if re.fullmatch(r"[A-Za-z_][\w-]{,63}", name) else "a name"


def _text(path: Path) -> str:
    # A path has one slash where a URL had two.
    if is_connection(str(path)):
        raise JobError(
            "a database URL stands where the name of the job file belongs", advice="Give it with --source or --target."
        )
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except IsADirectoryError as error:
        raise JobError(f"{path} is a folder, not a job file", advice=_files_in(path)) from error
    except FileNotFoundError as error:
        raise JobError(f"there is no job file {path}{_similar(path)}") from error
    except OSError as error:
        raise JobError(f"cannot read the job file {path}: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise JobError(f"{path} is too large for a job: it has more than {MAX_BYTES >> 10} KB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise JobError(f"{path}, line {line}: this is not UTF-8", advice="Save the file as UTF-8.") from None


def _job_files(folder: Path) -> list[str]:
    try:
        return sorted(file.name for file in folder.iterdir() if file.suffix in {".yaml", ".yml"})
    except OSError:
        return []


def _similar(path: Path) -> str:
    return did_you_mean(path.name, _job_files(path.parent))


def _files_in(folder: Path) -> str:
    found = _job_files(folder)
    return f"It has {', '.join(found[:5])}." if found else ""
