"""Tokens read one after the other, for the statements that sqlglot does not parse for us."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot.tokenizer_core import Token, TokenType

from etl.sandbox.errors import SqlServerError
from etl.sandbox.translation.batch import word
from etl.sandbox.translation.definitions import Name
from etl.sandbox.translation.parser import incorrect_syntax

_TYPE_TAIL = {
    "NATIONAL": {"CHAR", "CHARACTER", "TEXT"},
    "DOUBLE": {"PRECISION"},
    "CHAR": {"VARYING"},
    "CHARACTER": {"VARYING"},
    "BINARY": {"VARYING"},
}


class Cursor:
    """Reads tokens one after the other."""

    def __init__(self, tokens: Sequence[Token], text: str) -> None:
        self._whole = tokens
        self.tokens = [part for token in tokens for part in _words(token)]
        self.text = text
        self.at = 0

    @property
    def ended(self) -> bool:
        """Whether all tokens are read."""
        return self.at >= len(self.tokens)

    def peek(self, ahead: int = 0) -> Token | None:
        """The next token, or one after it."""
        index = self.at + ahead
        return self.tokens[index] if index < len(self.tokens) else None

    def word(self, ahead: int = 0) -> str:
        """The next token as a keyword."""
        return word(self.peek(ahead))

    def accept(self, *words: str) -> bool:
        """Take these words if they come next."""
        if all(self.word(i) == wanted for i, wanted in enumerate(words)):
            self.at += len(words)
            return True
        return False

    def expect(self, *words: str) -> None:
        """Take these words, or error 102."""
        if not self.accept(*words):
            raise self.error()

    def accept_kind(self, kind: TokenType) -> bool:
        """Take a token of this kind if it comes next."""
        token = self.peek()
        if token is not None and token.token_type == kind:
            self.at += 1
            return True
        return False

    def comes(self, kind: TokenType) -> bool:
        """Whether a token of this kind comes next."""
        token = self.peek()
        return token is not None and token.token_type == kind

    def error(self) -> SqlServerError:
        """Error 102 at the next token, or at the last one."""
        return incorrect_syntax(self.peek() or (self.tokens[-1] if self.tokens else None))

    def finish(self) -> None:
        """Nothing may be left."""
        if not self.ended:
            raise self.error()

    def identifier(self) -> str:
        """A name."""
        mark = ""
        while self.accept_kind(TokenType.HASH):
            mark += "#"
        token = self.peek()
        if token is None or token.token_type in {
            TokenType.STRING,
            TokenType.NUMBER,
            TokenType.L_PAREN,
            TokenType.R_PAREN,
            TokenType.COMMA,
        }:
            raise self.error()
        self.at += 1
        return mark + token.text

    def name(self) -> Name:
        """One to three names with dots between."""
        parts = [self.identifier()]
        while self.accept_kind(TokenType.DOT):
            token = self.peek()
            parts.append("" if token is not None and token.token_type == TokenType.DOT else self.identifier())
        return tuple(parts)

    def group(self) -> list[Token]:
        """The tokens of a parenthesis, with it."""
        start, depth = self.at, 0
        token = self.peek()
        if token is None or token.token_type != TokenType.L_PAREN:
            raise self.error()
        while not self.ended:
            kind = self.tokens[self.at].token_type
            depth += 1 if kind == TokenType.L_PAREN else -1 if kind == TokenType.R_PAREN else 0
            self.at += 1
            if depth == 0:
                return list(self.tokens[start : self.at])
        raise self.error()

    def rest(self) -> list[Token]:
        """All that is left, as the tokenizer made it: ORDER BY is one token again."""
        if self.ended:
            return []
        start = self.tokens[self.at].start
        self.at = len(self.tokens)
        return [token for token in self._whole if token.start >= start]

    def source(self, tokens: Sequence[Token]) -> str:
        """The text that these tokens stood for."""
        return self.text[tokens[0].start : tokens[-1].end + 1]

    def listed(self) -> list[str]:
        """(name, name …)."""
        inner = Cursor(self.group()[1:-1], self.text)
        names = [inner.identifier()]
        while inner.accept_kind(TokenType.COMMA):
            names.append(inner.identifier())
        inner.finish()
        return names

    def type_text(self) -> str:
        """A type's words with its arguments."""
        words = [self.identifier()]
        if words[0].lower() == "sys" and self.accept_kind(TokenType.DOT):
            words = [self.identifier()]
        while self.word() in _TYPE_TAIL.get(words[-1].upper(), set()):
            words.append(self.identifier())
        token = self.peek()
        arguments = ""
        if token is not None and token.token_type == TokenType.L_PAREN:
            arguments = "".join(item.text for item in self.group())
        return " ".join(words) + arguments

    def number(self) -> str:
        """A number as it is written, with its sign."""
        sign = "-" if self.accept_kind(TokenType.DASH) else ""
        token = self.peek()
        if token is None or token.token_type != TokenType.NUMBER:
            raise self.error()
        self.at += 1
        return sign + token.text


def _words(token: Token) -> list[Token]:
    """sqlglot makes one token of PRIMARY KEY and its like."""
    if " " not in token.text or not word(token):
        return [token]
    parts = token.text.split()
    return [Token(TokenType.VAR, part, token.line, token.col, token.start, token.end) for part in parts]
