"""Texts in the manner of odbc.ini and freetds.conf, taken apart into sections and put together again with their comments.

The standard library's configparser would lose the comments, which are what the templates are for.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Section:
    """One section: comments directly above its header, its name, and the lines below it."""

    comments: tuple[str, ...]
    name: str
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join((*self.comments, f"[{self.name}]", *self.lines))


@dataclass(frozen=True, slots=True)
class IniText:
    """A whole text: what stands before the first section, and the sections in their order."""

    preamble: tuple[str, ...]
    sections: tuple[Section, ...]

    @classmethod
    def parse(cls, text: str) -> IniText:
        """Take a text apart. Comments directly above a header belong to its section, blank lines between sections to none."""
        blocks: list[list[str]] = [[]]
        for line in text.splitlines():
            if _is_header(line):
                above = _trailing_comments(blocks[-1])
                split = len(blocks[-1]) - len(above)
                blocks[-1], comments = blocks[-1][:split], above
                blocks.append([*comments, line])
            else:
                blocks[-1].append(line)
        return cls(_stripped(blocks[0]), tuple(_section(block) for block in blocks[1:]))

    def __str__(self) -> str:
        preamble = "\n".join(self.preamble)
        return "\n\n".join(filter(None, (preamble, *map(str, self.sections)))) + "\n"

    def only(self, *names: str) -> IniText:
        """The text with these sections alone. Raises KeyError for one that is not there."""
        by_name = {section.name: section for section in self.sections}
        return replace(self, sections=tuple(by_name[name] for name in names))

    def renamed(self, name: str, new_name: str) -> IniText:
        """The text with a section under another name."""
        return replace(
            self,
            sections=tuple(
                replace(section, name=new_name) if section.name == name else section for section in self.sections
            ),
        )

    def filled(self, values: Mapping[str, str]) -> IniText:
        """The text with `${NAME}` replaced by the values (by lower-case name); a setting that has none is left out."""
        upper = {name.upper(): value for name, value in values.items()}
        return replace(
            self, sections=tuple(replace(section, lines=_filled(section.lines, upper)) for section in self.sections)
        )

    def merged(self, other: IniText) -> IniText:
        """This text with the other's sections in the place of those of the same name, or behind the rest."""
        new = {section.name.lower(): section for section in other.sections}
        kept = [new.pop(section.name.lower(), section) for section in self.sections]
        return replace(self, preamble=self.preamble or other.preamble, sections=(*kept, *new.values()))


def _is_header(line: str) -> bool:
    return line.lstrip().startswith("[")


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith(("#", ";"))


def _trailing_comments(lines: list[str]) -> list[str]:
    count = next((i for i, line in enumerate(reversed(lines)) if not _is_comment(line)), len(lines))
    return lines[len(lines) - count :]


def _section(block: list[str]) -> Section:
    header = next(i for i, line in enumerate(block) if _is_header(line))
    name = block[header].strip()[1:].partition("]")[0].strip()
    return Section(tuple(block[:header]), name, _stripped(block[header + 1 :]))


def _stripped(lines: list[str]) -> tuple[str, ...]:
    return tuple("\n".join(lines).strip("\n").splitlines())


def _filled(lines: tuple[str, ...], values: Mapping[str, str]) -> tuple[str, ...]:
    kept: list[str] = []
    for line in lines:
        template = string.Template(line)
        if set(template.get_identifiers()) <= values.keys():
            kept.append(template.substitute(values))
            continue
        while kept and _is_comment(kept[-1]):
            kept.pop()
    return tuple(kept)
