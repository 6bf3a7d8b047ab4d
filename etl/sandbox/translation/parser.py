"""sqlglot's T-SQL tokenizer and parser, without their translations.

sqlglot turns many T-SQL functions and types into general ones while parsing, and loses what made them T-SQL's (ISNULL's type,
CONVERT's style, a type's spelling). Here every function stays a plain call and every type keeps its text; what they mean is
decided by the compiler.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from sqlglot import exp
from sqlglot.dialects.tsql import TSQL
from sqlglot.errors import ErrorLevel, ParseError, TokenError
from sqlglot.parsers.tsql import TSQLParser
from sqlglot.tokens import Token, TokenType

from etl.sandbox.errors import SqlServerError

_TYPE_WORDS = {"national": {"char", "character", "text"}, "double": {"precision"}}
_VARYING = {"char", "character", "binary"}
_KEPT_FUNCTION_PARSERS = ("CAST", "CONVERT", "TRY_CAST", "TRY_CONVERT")


class Parser(TSQLParser):
    """T-SQL expressions and queries to syntax nodes."""

    FUNCTIONS: ClassVar[dict[str, Any]] = {}
    NO_PAREN_FUNCTIONS: ClassVar[dict[Any, Any]] = {}
    NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {"CASE": TSQLParser.NO_PAREN_FUNCTION_PARSERS["CASE"]}
    FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {name: TSQLParser.FUNCTION_PARSERS[name] for name in _KEPT_FUNCTION_PARSERS}

    def _parse_types(
        self,
        check_func: bool = False,
        schema: bool = False,
        allow_identifiers: bool = True,  # noqa: ARG002
        with_collation: bool = False,  # noqa: ARG002
        **_: Any,
    ) -> exp.Expr | None:
        """A type by its own words; `check_func` asks for typed literals such as DATE '…', which T-SQL has not, and `schema`
        for the type of a column's definition, which is no business of this parser."""
        if check_func or schema or not self._curr or not self._curr.text[:1].isalpha():
            return None
        words = [self._curr.text.lower()]
        self._advance()
        if words == ["sys"] and self._match(TokenType.DOT):
            words = [self._curr.text.lower()]
            self._advance()
        while self._curr and (
            self._curr.text.lower() in _TYPE_WORDS.get(words[-1], set()) or (words[-1] in _VARYING and self._curr.text.lower() == "varying")
        ):
            words.append(self._curr.text.lower())
            self._advance()
        text = " ".join(words)
        if self._match(TokenType.L_PAREN):
            arguments = []
            while self._curr and not self._match(TokenType.R_PAREN):
                arguments.append(self._curr.text)
                self._advance()
            text += f"({''.join(arguments)})"
        return exp.DataType(this=exp.DType.USERDEFINED, kind=text)


class Tokenizer(TSQL.Tokenizer):
    """T-SQL tokens: double quotes are identifiers (QUOTED_IDENTIFIER ON), and no word swallows the rest of the line."""

    QUOTES: ClassVar[list[Any]] = ["'"]
    COMMANDS: ClassVar[set[TokenType]] = set()
    KEYWORDS: ClassVar[dict[str, TokenType]] = {
        key: kind
        for key, kind in TSQL.Tokenizer.KEYWORDS.items()
        if key not in {"CLUSTERED INDEX", "NONCLUSTERED INDEX", "UPDATE STATISTICS", "{%", "{%+", "{%-", "%}", "+%}", "-%}", "{{", "{{+", "{{-", "}}", "+}}", "-}}"}
    }


class Dialect(TSQL):
    """T-SQL read with the parser and tokenizer above."""

    Parser = Parser
    Tokenizer = Tokenizer


_DIALECT = Dialect()


def tokenize(text: str) -> list[Token]:
    """The tokens of a batch. Error 105 or 102 for text that has no tokens (an open quote)."""
    try:
        return list(_DIALECT.tokenize(text))
    except TokenError as error:
        raise SqlServerError(105, "Unclosed quotation mark or comment in the batch.", severity=15, ends_batch=True) from error


def parse_statement(tokens: Sequence[Token], text: str) -> exp.Expr:
    """One statement's syntax tree. Error 102 with the token that does not fit."""
    return _parse(tokens, text, Parser._parse_statement)


def parse_expression(tokens: Sequence[Token], text: str) -> exp.Expr:
    """One value or predicate."""
    return _parse(tokens, text, Parser._parse_disjunction)


def _parse(tokens: Sequence[Token], text: str, method: Any) -> exp.Expr:
    if not tokens:
        raise SqlServerError(102, "Incorrect syntax near ''.", severity=15, ends_batch=True)
    parser = Parser(dialect=_DIALECT, error_level=ErrorLevel.IMMEDIATE)
    try:
        found = parser._parse(parse_method=method, raw_tokens=list(tokens), sql=text)
    except ParseError as error:
        raise _syntax_error(error, tokens) from error
    except RecursionError as error:
        raise SqlServerError(191, "Some part of your SQL statement is nested too deeply.", severity=15, ends_batch=True) from error
    tree = found[0] if found else None
    if tree is None or len(found) != 1:
        raise incorrect_syntax(tokens[0])
    return tree


def _syntax_error(error: ParseError, tokens: Sequence[Token]) -> SqlServerError:
    detail = error.errors[0] if error.errors else {}
    near = detail.get("highlight") or tokens[-1].text
    line = detail.get("line") or tokens[0].line
    return SqlServerError(102, f"Incorrect syntax near '{near}'.", severity=15, line=line, ends_batch=True)


def incorrect_syntax(token: Token | None) -> SqlServerError:
    """Error 102 at a token."""
    near, line = (token.text, token.line) if token is not None else ("", 1)
    return SqlServerError(102, f"Incorrect syntax near '{near}'.", severity=15, line=line, ends_batch=True)
