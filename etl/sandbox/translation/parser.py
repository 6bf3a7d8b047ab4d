"""sqlglot's T-SQL tokenizer and parser, without their translations.

sqlglot turns many T-SQL functions and types into general ones while parsing, and loses what made them T-SQL's (ISNULL's type,
CONVERT's style, a type's spelling). Here every function stays a plain call and every type keeps its text; what they mean is
decided by the compiler.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar

from sqlglot import exp
from sqlglot.dialects.tsql import TSQL
from sqlglot.errors import ErrorLevel, ParseError, TokenError
from sqlglot.parsers.tsql import TSQLParser
from sqlglot.tokenizer_core import Token, TokenType

from etl.sandbox.errors import SqlServerError, not_supported

_TYPE_WORDS = {"national": {"char", "character", "text"}, "double": {"precision"}}
_VARYING = {"char", "character", "binary"}
_KEPT_FUNCTION_PARSERS = ("CAST", "CONVERT", "TRY_CAST", "TRY_CONVERT", "OPENJSON", "TRIM")


_Node = TypeVar("_Node", bound=exp.Expr)


def _node(kind: type[_Node], **arguments: Any) -> _Node:
    """A node with arguments that sqlglot's class does not foresee (the second FROM of DELETE, TOP)."""
    node = kind()
    for name, argument in arguments.items():
        node.set(name, argument)
    return node


_COMPOUND: dict[TokenType, Any] = {
    TokenType.PLUS: exp.Add,
    TokenType.DASH: exp.Sub,
    TokenType.STAR: exp.Mul,
    TokenType.SLASH: exp.Div,
    TokenType.MOD: exp.Mod,
}


class Parser(TSQLParser):
    """T-SQL expressions and queries to syntax nodes."""

    FUNCTIONS: ClassVar[dict[str, Any]] = {}
    NO_PAREN_FUNCTIONS: ClassVar[dict[Any, Any]] = {}
    NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {"CASE": TSQLParser.NO_PAREN_FUNCTION_PARSERS["CASE"]}
    FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
        name: TSQLParser.FUNCTION_PARSERS[name] for name in _KEPT_FUNCTION_PARSERS
    }

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
            self._curr.text.lower() in _TYPE_WORDS.get(words[-1], set())
            or (words[-1] in _VARYING and self._curr.text.lower() == "varying")
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

    # INSERT, UPDATE and DELETE by T-SQL's own grammar: sqlglot's would take OUTPUT for an alias after DELETE FROM t, knows no
    # hints before a column list, no TOP, and no second FROM after OUTPUT.

    def _parse_insert(self) -> exp.Insert:
        top = self._parse_row_limit()
        self._match(TokenType.INTO)
        this: exp.Expr = self._parse_target()
        if self._match(TokenType.L_PAREN, advance=False) and self._next.token_type not in {
            TokenType.SELECT,
            TokenType.WITH,
            TokenType.L_PAREN,
        }:
            this = self.expression(exp.Schema(this=this, expressions=self._parse_wrapped_id_vars()))
        returning = self._parse_returning()
        default = self._match_text_seq("DEFAULT", "VALUES")
        source = None if default else self._parse_derived_table_values() or self._parse_ddl_select()
        return _node(exp.Insert, this=this, returning=returning, default=default, expression=source, limit=top)

    def _parse_delete(self) -> exp.Delete:
        top = self._parse_row_limit()
        self._match(TokenType.FROM)
        this = self._parse_target()
        returning = self._parse_returning()
        from_ = self._parse_from(joins=True)
        return _node(
            exp.Delete,
            this=this,
            returning=returning,
            from_=from_,
            where=self._parse_where(),
            limit=top,
            options=self._parse_options(),
        )

    def _parse_update(self) -> exp.Update:
        top = self._parse_row_limit()
        this = self._parse_target()
        if not self._match(TokenType.SET):
            self.raise_error("Expected SET")
        assignments = self._parse_csv(self._parse_set_item)
        returning = self._parse_returning()
        from_ = self._parse_from(joins=True)
        where = self._parse_where()
        return _node(
            exp.Update,
            this=this,
            expressions=assignments,
            returning=returning,
            from_=from_,
            where=where,
            limit=top,
            options=self._parse_options(),
        )

    def _parse_ordered(self, parse_method: Callable[[], exp.Expr | None] | None = None) -> exp.Ordered | None:
        found = super()._parse_ordered(parse_method)
        words = [token.text.upper() for token in self._tokens[max(self._index - 2, 0) : self._index]]
        if words in (["NULLS", "FIRST"], ["NULLS", "LAST"]):
            self.raise_error("T-SQL has no order of NULLs", self._prev)
        return found

    def _parse_row_limit(self) -> exp.Expr | None:
        if not self._match(TokenType.TOP):
            return None
        return (
            self._parse_wrapped(self._parse_term)
            if self._match(TokenType.L_PAREN, advance=False)
            else self._parse_number()
        )

    def _parse_target(self) -> exp.Table:
        this = self._parse_table_parts(schema=True)
        if not isinstance(this, exp.Table):
            raise not_supported(f"the table {this.sql() if this is not None else ''}")
        hints = self._parse_table_hints()
        if hints:
            this.set("hints", hints)
        return this

    def _parse_set_item(self) -> exp.Expr | None:
        column = self._parse_column()
        if column is None:
            self.raise_error("Expected a column")
            return None
        operator = _COMPOUND.get(self._curr.token_type) if self._curr else None
        if operator is not None and self._next.token_type == TokenType.EQ:
            self._advance(2)
            return self.expression(
                exp.EQ(
                    this=column,
                    expression=operator(this=column.copy(), expression=exp.Paren(this=self._parse_disjunction())),
                )
            )
        if not self._match(TokenType.EQ):
            self.raise_error("Expected =")
        return self.expression(exp.EQ(this=column, expression=self._parse_disjunction()))


class Tokenizer(TSQL.Tokenizer):
    """T-SQL tokens: double quotes are identifiers (QUOTED_IDENTIFIER ON), and no word swallows the rest of the line."""

    QUOTES: ClassVar[list[Any]] = ["'"]
    COMMANDS: ClassVar[set[TokenType]] = set()
    KEYWORDS: ClassVar[dict[str, TokenType]] = {
        key: kind
        for key, kind in TSQL.Tokenizer.KEYWORDS.items()
        if key
        not in {
            "CLUSTERED INDEX",
            "NONCLUSTERED INDEX",
            "UPDATE STATISTICS",
            # Other dialects' words, which would be taken for TOP, OUTPUT, IS NULL, = and IS NOT DISTINCT FROM.
            "LIMIT",
            "RETURNING",
            "ISNULL",
            "NOTNULL",
            "==",
            "<=>",
            "{%",
            "{%+",
            "{%-",
            "%}",
            "+%}",
            "-%}",
            "{{",
            "{{+",
            "{{-",
            "}}",
            "+}}",
            "-}}",
        }
    }


class Dialect(TSQL):
    """T-SQL read with the parser and tokenizer above."""

    Parser = Parser
    Tokenizer = Tokenizer


_DIALECT = Dialect()


def tokenize(text: str) -> list[Token]:
    """The tokens of a batch. Error 105 or 102 for text that has no tokens (an open quote)."""
    try:
        tokens = list(_DIALECT.tokenize(text))
    except TokenError as error:
        raise SqlServerError(
            105, "Unclosed quotation mark or comment in the batch.", severity=15, ends_batch=True
        ) from error
    if len(text) > _NAME_UNITS:
        _refuse_long_names(tokens)
    if "[]" in text or '""' in text:
        _refuse_empty_names(tokens)
    return tokens


_NAME_UNITS = 128
"""The longest name, in UTF-16 units."""


def _refuse_long_names(tokens: Sequence[Token]) -> None:
    for token in tokens:
        if (
            token.token_type in {TokenType.IDENTIFIER, TokenType.VAR}
            and len(token.text) > _NAME_UNITS // 2
            and len(token.text.encode("utf-16-le", "surrogatepass")) > 2 * _NAME_UNITS
        ):
            raise SqlServerError(
                103,
                f"The identifier that starts with '{token.text[:_NAME_UNITS]}' is too long. Maximum length is 128.",
                severity=15,
                state=4,
                line=token.line,
                ends_batch=True,
            )


def _refuse_empty_names(tokens: Sequence[Token]) -> None:
    for token in tokens:
        if token.token_type == TokenType.IDENTIFIER and not token.text:
            raise SqlServerError(
                1038,
                "An object or column name is missing or empty. For SELECT INTO statements, verify each column has a name."
                ' For other statements, look for empty alias names. Aliases defined as "" or [] are not allowed. Change the'
                " alias to a valid name.",
                severity=15,
                state=4,
                line=token.line,
                ends_batch=True,
            )


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
        raise SqlServerError(
            191, "Some part of your SQL statement is nested too deeply.", severity=15, ends_batch=True
        ) from error
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
