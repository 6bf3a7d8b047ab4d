"""Wrong usage of the command line is told without repeating a database URL that was given in the wrong place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from etl.misplaced import HIDDEN, is_connection

_GIVEN = "etl.given"


class Commands(TyperGroup):
    """The command with its subcommands."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """What the arguments say, read."""
        given = list(args)  # which reading them empties
        with _hiding(given):
            context = super().make_context(info_name, args, parent, **extra)
        context.meta[_GIVEN] = given
        return context

    def invoke(self, ctx: Any) -> Any:
        """Read the subcommand's arguments, and run it."""
        with _hiding(ctx.meta[_GIVEN]):
            return super().invoke(ctx)


@contextmanager
def _hiding(given: Sequence[str]) -> Iterator[None]:
    try:
        yield
    except typer.TyperException as error:
        error.message = _said(error)
        for argument in given:
            for text in (argument, argument.partition("=")[2]):
                if is_connection(text):
                    error.message = error.message.replace(text, HIDDEN).replace(repr(text)[1:-1], HIDDEN)
        raise


def _said(error: typer.TyperException) -> str:
    """The message without pydantic's wording, with which typer checks values."""
    from pydantic_core import ValidationError

    if not isinstance(error.__cause__, ValidationError):
        return error.message
    (first, *_) = error.__cause__.errors(include_input=False, include_url=False)
    limits = first.get("ctx", {})
    words = {
        "greater_than_equal": f"it must be {limits.get('ge')} or more",
        "less_than_equal": f"it must be {limits.get('le')} at most",
        "value_error": str(limits.get("error")),
    }
    if first["type"].startswith("int_"):
        return "it must be a whole number"
    return words.get(first["type"], error.message)
