"""A batch taken apart into statements, on tokens alone.

T-SQL needs no semicolons: a statement ends where a word begins another one. Control of flow (IF, BEGIN … END), variables,
transactions and SET are parsed here; all else is a `Statement` whose tokens the compiler gives to sqlglot or to the DDL parser.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar, cast

from sqlglot.tokenizer_core import Token, TokenType

from etl.sandbox.cache import SizedCache
from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation.parser import incorrect_syntax, tokenize
from etl.sandbox.translation.types import parse_type

_T = TypeVar("_T")


@dataclass(eq=False, slots=True)
class Statement:
    """A statement by its first word (`SELECT`, `CREATE`, `SET`, `EXEC` …) and its tokens."""

    verb: str
    tokens: list[Token]
    text: str
    known: dict[object, object] = field(default_factory=dict)
    """What has been worked out from it; see `Once`."""

    @property
    def line(self) -> int:
        """Where it begins in the batch, from 1."""
        return self.tokens[0].line


class Once(Generic[_T]):
    """Something that is worked out from a statement once and kept with it: its syntax tree, its definition …"""

    def of(self, statement: Statement, make: Callable[[], _T]) -> _T:
        """What `make` gave when it was asked for first."""
        if self not in statement.known:
            statement.known[self] = make()
        return cast("_T", statement.known[self])  # nothing else writes under this key


@dataclass(eq=False, slots=True)
class If:
    """IF condition statement [ELSE statement]."""

    condition: Statement
    then: list[Node]
    otherwise: list[Node]


@dataclass(eq=False, slots=True)
class Declare:
    """DECLARE @x type [= value]."""

    name: str
    type: SqlType
    value: Statement | None
    line: int


Node = Statement | If | Declare

_STARTS = frozenset(
    [
        "SELECT",
        "INSERT",
        "UPDATE",
        "DELETE",
        "MERGE",
        "WITH",
        "CREATE",
        "ALTER",
        "DROP",
        "TRUNCATE",
        "DECLARE",
        "SET",
        "IF",
        "WHILE",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "SAVE",
        "PRINT",
        "EXEC",
        "EXECUTE",
        "USE",
        "RETURN",
        "RAISERROR",
        "THROW",
        "GRANT",
        "DENY",
        "REVOKE",
        "WAITFOR",
        "DBCC",
        "BULK",
        "BACKUP",
        "RESTORE",
        "KILL",
        "CHECKPOINT",
        "OPEN",
        "FETCH",
        "CLOSE",
        "DEALLOCATE",
        "GOTO",
    ]
)
_QUERY_JOINERS = frozenset({"UNION", "ALL", "EXCEPT", "INTERSECT", "AS", "THEN"})


_parsed: SizedCache[tuple[Node, ...]] = SizedCache(1_000_000)
"""Batches by their text, in characters. A character's tokens and trees take some 50 to 100 bytes."""


def parse_batch(text: str) -> tuple[Node, ...]:
    """The statements of a batch, in order. Errors 102 and 105 for what is no T-SQL."""
    nodes = _parsed.get(text)
    if nodes is None:
        nodes = _parse(text)
        if not _names_password(text):
            _parsed.put(text, nodes, len(text))
    return nodes


def _names_password(text: str) -> bool:
    """Whether it may be CREATE or ALTER LOGIN: a secret is not kept."""
    lowered = text.lower()
    return "password" in lowered and "login" in lowered


def _parse(text: str) -> tuple[Node, ...]:
    return parse_nodes(tokenize(text), text)


def parse_nodes(tokens: Sequence[Token], text: str) -> tuple[Node, ...]:
    """The statements of a part of a batch: a trigger's body."""
    reader = _Reader(tokens, text)
    nodes: list[Node] = []
    while not reader.ended:
        nodes.extend(reader.statement())
    return tuple(nodes)


def word(token: Token | None) -> str:
    """A token as a keyword: upper case, or empty for names in brackets, texts and the end."""
    if token is None or token.token_type in {TokenType.IDENTIFIER, TokenType.STRING, TokenType.NATIONAL_STRING}:
        return ""
    return token.text.upper()


class _Reader:
    def __init__(self, tokens: Sequence[Token], text: str) -> None:
        self._tokens = tokens
        self._text = text
        self._at = 0
        self._skip_semicolons()

    @property
    def ended(self) -> bool:
        return self._at >= len(self._tokens)

    def _peek(self, ahead: int = 0) -> Token | None:
        index = self._at + ahead
        return self._tokens[index] if index < len(self._tokens) else None

    def _skip_semicolons(self) -> None:
        while not self.ended and self._tokens[self._at].token_type == TokenType.SEMICOLON:
            self._at += 1

    def statement(self) -> list[Node]:
        if self.ended:
            raise incorrect_syntax(self._tokens[-1])
        verb = word(self._peek())
        if verb == "IF":
            nodes = self._if()
        elif verb == "BEGIN" and word(self._peek(1)) not in {"TRAN", "TRANSACTION", "DISTRIBUTED"}:
            nodes = self._block()
        elif verb == "DECLARE":
            nodes = self._declare()
        elif self._defines_trigger():
            nodes = [self._whole_batch(verb)]
        elif verb in {"DISABLE", "ENABLE"} and word(self._peek(1)) == "TRIGGER":
            nodes = [self._plain(verb)]
        elif verb == "INSERT" and word(self._peek(1)) == "BULK":
            nodes = [self._plain("INSERT BULK")]
        elif verb in _STARTS or self._at == 0:
            # A batch may begin with a procedure's bare name: `sp_datatype_info_100 93,3`.
            nodes = [self._plain(verb if verb in _STARTS else "CALL")]
        elif verb == "" and self._tokens[self._at].token_type == TokenType.L_PAREN:
            nodes = [self._plain("SELECT")]
        else:
            raise incorrect_syntax(self._peek())
        self._skip_semicolons()
        return nodes

    def _defines_trigger(self) -> bool:
        words = [word(self._peek(i)) for i in range(4)]
        return words[:2] in (["CREATE", "TRIGGER"], ["ALTER", "TRIGGER"]) or words == [
            "CREATE",
            "OR",
            "ALTER",
            "TRIGGER",
        ]

    def _whole_batch(self, verb: str) -> Statement:
        """A trigger's body has no end but the batch's."""
        if self._at != 0:
            raise SqlServerError(
                111,
                f"'{verb} TRIGGER' must be the first statement in a query batch.",
                severity=15,
                line=self._tokens[self._at].line,
                ends_batch=True,
            )
        return self._slice(verb, len(self._tokens))

    def _if(self) -> list[Node]:
        self._at += 1
        condition = self._slice("IF", self._end_of_condition())
        then = self.statement()
        otherwise: list[Node] = []
        if word(self._peek()) == "ELSE":
            self._at += 1
            otherwise = self.statement()
        return [If(condition, then, otherwise)]

    def _block(self) -> list[Node]:
        if word(self._peek(1)) in {"TRY", "CATCH"}:
            raise not_supported("BEGIN " + word(self._peek(1)), line=self._tokens[self._at].line)
        self._at += 1
        self._skip_semicolons()
        nodes: list[Node] = []
        while word(self._peek()) != "END":
            if self.ended:
                raise incorrect_syntax(self._tokens[-1])
            nodes.extend(self.statement())
        self._at += 1
        return nodes

    def _declare(self) -> list[Node]:
        statement = self._plain("DECLARE")
        return [self._declaration(part) for part in split_commas(statement.tokens[1:])]

    def _declaration(self, tokens: list[Token]) -> Declare:
        # @ and the name are two tokens
        if len(tokens) < 3 or tokens[0].text != "@":
            raise incorrect_syntax(tokens[0] if tokens else None)
        name = "@" + tokens[1].text
        at = 3 if word(tokens[2]) == "AS" else 2
        end = at
        while end < len(tokens) and tokens[end].token_type != TokenType.EQ:
            end += 1
        kind = "".join(token.text + " " for token in tokens[at:end])
        if word(tokens[at]) == "TABLE":
            raise not_supported("a table variable", line=tokens[0].line)
        value = Statement("VALUE", tokens[end + 1 :], self._text) if end < len(tokens) else None
        return Declare(name, parse_type(kind), value, tokens[0].line)

    def _plain(self, verb: str) -> Statement:
        return self._slice(verb, self._end_of_statement(verb))

    def _slice(self, verb: str, end: int) -> Statement:
        tokens = list(self._tokens[self._at : end])
        if not tokens:
            raise incorrect_syntax(self._peek())
        self._at = end
        return Statement(verb, tokens, self._text)

    def _end_of_condition(self) -> int:
        depth = cases = 0
        for index in range(self._at, len(self._tokens)):
            token = self._tokens[index]
            depth += _depth_change(token)
            name = word(token)
            if name == "CASE":
                cases += 1
            elif name == "END":
                cases -= 1
            elif depth == 0 and cases == 0 and name in _STARTS and index > self._at and not self._tests_update(index):
                return index
        raise incorrect_syntax(self._tokens[-1])

    def _tests_update(self, index: int) -> bool:
        """UPDATE(column), a trigger's condition."""
        following = self._tokens[index + 1] if index + 1 < len(self._tokens) else None
        is_group = following is not None and following.token_type == TokenType.L_PAREN
        return is_group and word(self._tokens[index]) == "UPDATE"

    def _end_of_statement(self, verb: str) -> int:
        depth = cases = 0
        allowed = _Allowance(verb, self._tokens, self._at)
        for index in range(self._at, len(self._tokens)):
            token = self._tokens[index]
            depth += _depth_change(token)
            if depth > 0:
                continue
            if token.token_type == TokenType.SEMICOLON:
                return index
            name = word(token)
            if name == "CASE":
                cases += 1
            elif name == "END" and cases:
                cases -= 1
            elif name == "VALUES":
                allowed.has_values()
            elif (
                index > self._at and not cases and name in _STARTS | {"END", "ELSE"} and not allowed.takes(name, index)
            ):
                return index
        return len(self._tokens)


class _Allowance:
    """Which words that begin statements belong to the statement being read."""

    def __init__(self, verb: str, tokens: Sequence[Token], start: int) -> None:
        self._verb = verb
        self._tokens = tokens
        self._body = 1 if verb in {"INSERT", "WITH"} else 0
        second = word(tokens[start + 1]) if start + 1 < len(tokens) else ""
        alter_database = verb == "ALTER" and second == "DATABASE"
        self._sets = 1 if verb in {"UPDATE", "WITH"} or alter_database else 0
        self._alter_table = verb == "ALTER" and second == "TABLE"
        self._actions = 1 if self._alter_table else 0
        self._start = start

    def has_values(self) -> None:
        """An INSERT's rows are given: a SELECT after them is another statement."""
        if self._verb == "INSERT":
            self._body = 0

    def _following(self, index: int) -> Token | None:
        return self._tokens[index + 1] if index + 1 < len(self._tokens) else None

    def takes(self, name: str, index: int) -> bool:  # noqa: PLR0911, PLR0912 - one line a rule
        before = word(self._tokens[index - 1])
        if name == "WITH":  # hints and options; a statement's own WITH comes first
            return True
        if name == "SELECT" and before in _QUERY_JOINERS:
            return True
        if name in {"UPDATE", "DELETE"} and before in {"ON", "FOR"}:
            return True
        if name == "SET" and before in {"DELETE", "UPDATE"} and self._verb in {"CREATE", "ALTER"}:
            return True
        if name == "IF" and self._verb in {"DROP", "CREATE", "ALTER"}:
            return True
        if name == "BULK" and before == "INSERT":
            return True
        if self._verb == "MERGE":
            return name not in {"END", "ELSE"}
        if self._verb == "WITH" and name in {"INSERT", "UPDATE", "DELETE"} and self._body:
            self._body = 1 if name == "INSERT" else 0
            return True
        if name in {"SELECT", "EXEC", "EXECUTE"} and self._body and (name == "SELECT" or self._verb == "INSERT"):
            self._body = 0
            return True
        if name == "SET" and self._sets:
            self._sets = 0
            return True
        if self._actions and name in {"ALTER", "DROP"}:
            self._actions = 0
            return True
        if self._verb in {"GRANT", "DENY", "REVOKE"}:
            # Permissions are named by words that begin statements; principals, which come last, are not.
            named = self._tokens[self._start : index]
            return before == "WITH" or not any(word(token) in {"TO", "FROM"} for token in named)
        if name == "DROP" and self._verb == "ALTER" and word(self._following(index)) == "MEMBER":
            return True
        if name == "ALTER" and before == "OR":
            return True
        if self._verb == "FETCH":
            return name not in {"END"}
        if name in {"FETCH", "OPEN", "CLOSE"} and self._verb in {"SELECT", "WITH", "INSERT", "CREATE"}:
            return name == "FETCH"
        if name == "EXECUTE" and before == "WITH":
            return True
        return name == "USE" and before == "OPTION"


def _depth_change(token: Token) -> int:
    if token.token_type == TokenType.L_PAREN:
        return 1
    return -1 if token.token_type == TokenType.R_PAREN else 0


def split_commas(tokens: Sequence[Token]) -> list[list[Token]]:
    """The parts between the commas that stand outside of parentheses."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += _depth_change(token)
        if token.token_type == TokenType.COMMA and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts
