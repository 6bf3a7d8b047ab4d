"""CREATE, ALTER, DROP and TRUNCATE from tokens. sqlglot parses DDL loosely and loses parts of T-SQL's, so it only gets the
expressions inside (DEFAULT, CHECK, computed columns, a view's query)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from sqlglot.tokenizer_core import Token, TokenType

from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.translation.batch import Statement, word
from etl.sandbox.translation.definitions import (
    AddToTable,
    AlterColumn,
    CheckDefinition,
    ColumnDefinition,
    Constraint,
    CreateDatabase,
    CreateSchema,
    CreateTable,
    CreateView,
    DefaultDefinition,
    Definition,
    DropDatabase,
    DropFromTable,
    DropIndex,
    DropObjects,
    DropSchema,
    ForeignKeyDefinition,
    IndexDefinition,
    KeyColumn,
    KeyDefinition,
    Name,
    TransferObject,
    Truncate,
)
from etl.sandbox.translation.parser import incorrect_syntax
from etl.sandbox.translation.types import parse_type

_CONSTRAINT_WORDS = frozenset({"CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "CHECK", "DEFAULT"})
_HARMLESS_INDEX_OPTIONS = frozenset(
    [
        "PAD_INDEX",
        "FILLFACTOR",
        "SORT_IN_TEMPDB",
        "STATISTICS_NORECOMPUTE",
        "STATISTICS_INCREMENTAL",
        "DROP_EXISTING",
        "ONLINE",
        "ALLOW_ROW_LOCKS",
        "ALLOW_PAGE_LOCKS",
        "MAXDOP",
        "DATA_COMPRESSION",
        "OPTIMIZE_FOR_SEQUENTIAL_KEY",
        "IGNORE_DUP_KEY",
    ]
)
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


def _words(token: Token) -> list[Token]:
    """sqlglot makes one token of PRIMARY KEY and its like."""
    if " " not in token.text or not word(token):
        return [token]
    parts = token.text.split()
    return [Token(TokenType.VAR, part, token.line, token.col, token.start, token.end) for part in parts]


def parse_definition(statement: Statement) -> Definition:
    """The statement as a definition, parsed once. Errors 102 and "not supported"."""
    found = statement.cache.get("definition")
    if found is None:
        cursor = Cursor(statement.tokens, statement.text)
        found = _parse(cursor)
        cursor.finish()
        statement.cache["definition"] = found
    return found  # type: ignore[return-value]


def _parse(cursor: Cursor) -> Definition:
    verb = cursor.word()
    for words, parser in _PARSERS:
        if words[0] == verb and cursor.accept(*words):
            return parser(cursor)
    if verb in {"CREATE", "ALTER", "DROP"}:
        raise not_supported(f"{verb} {cursor.word(1)}", line=cursor.tokens[0].line)
    raise cursor.error()


def _create_table(cursor: Cursor) -> CreateTable:
    name = cursor.name()
    body = Cursor(cursor.group()[1:-1], cursor.text)
    table = CreateTable(name, [], [], [])
    while True:
        if body.word() in _CONSTRAINT_WORDS:
            table.constraints.append(_constraint(body))
        elif body.word() == "INDEX":
            body.at += 1
            table.indexes.append(_inline_index(body, name))
        else:
            table.columns.append(_column(body))
        if body.ended:
            break
        if not body.accept_kind(TokenType.COMMA):
            raise body.error()
        if body.ended:  # T-SQL takes a comma after the last column
            break
    _storage_clauses(cursor)
    return table


def _storage_clauses(cursor: Cursor) -> None:
    """ON filegroup, TEXTIMAGE_ON and WITH (…): where and how rows lie is nothing a client sees."""
    while cursor.word() in {"ON", "TEXTIMAGE_ON", "WITH"}:
        if cursor.accept("WITH"):
            _index_options(cursor)
        else:
            cursor.at += 1
            cursor.identifier()


def _index_options(cursor: Cursor) -> None:
    group = Cursor(cursor.group()[1:-1], cursor.text)
    while not group.ended:
        name = group.identifier().upper()
        if name not in _HARMLESS_INDEX_OPTIONS:
            raise not_supported(f"the index option {name}")
        if not group.accept_kind(TokenType.EQ):
            raise group.error()
        setting = (
            group.identifier().upper() if not group.ended and not group.comes(TokenType.NUMBER) else _number(group)
        )
        if (name, setting) in {("IGNORE_DUP_KEY", "ON"), ("DROP_EXISTING", "ON")}:
            raise not_supported(f"{name} = ON")
        if not group.ended and not group.accept_kind(TokenType.COMMA):
            raise group.error()


def _number(cursor: Cursor) -> str:
    sign = "-" if cursor.accept_kind(TokenType.DASH) else ""
    token = cursor.peek()
    if token is None or token.token_type != TokenType.NUMBER:
        raise cursor.error()
    cursor.at += 1
    return sign + token.text


def _column(cursor: Cursor) -> ColumnDefinition:
    name = cursor.identifier()
    if cursor.accept("AS"):
        start = cursor.at
        tokens = cursor.group()
        if not cursor.ended and cursor.word() not in {"PERSISTED", "NOT", "NULL"} and not cursor.comes(TokenType.COMMA):
            while not cursor.ended and not cursor.comes(TokenType.COMMA) and cursor.word() != "PERSISTED":
                cursor.at += 1
            tokens = list(cursor.tokens[start : cursor.at])
        column = ColumnDefinition(name, None, computed=tokens, computed_text=cursor.source(tokens))
        cursor.accept("PERSISTED")
    elif cursor.word() == "TIMESTAMP" or not cursor.ended:
        column = ColumnDefinition(name, parse_type(cursor.type_text()))
    else:
        raise cursor.error()
    while not cursor.ended and not cursor.comes(TokenType.COMMA):
        _column_option(cursor, column)
    return column


def _column_option(cursor: Cursor, column: ColumnDefinition) -> None:
    constraint_name = cursor.identifier() if cursor.accept("CONSTRAINT") else None
    if cursor.accept("NOT", "NULL"):
        column.nullable = False
    elif cursor.accept("NULL"):
        column.nullable = True
    elif cursor.accept("COLLATE"):
        column.collation = cursor.identifier()
    elif cursor.accept("IDENTITY"):
        column.identity = _identity(cursor)
    elif cursor.accept("DEFAULT"):
        column.default = _default(cursor, constraint_name)
        column.default.column = column.name
    elif cursor.accept("ROWGUIDCOL") or cursor.accept("SPARSE"):
        raise not_supported(f"the column option {cursor.tokens[cursor.at - 1].text.upper()}")
    elif cursor.word() in {"PRIMARY", "UNIQUE"}:
        key = _key(cursor, constraint_name, [KeyColumn(column.name)])
        column.constraints.append(key)
    elif cursor.accept("CHECK"):
        group = cursor.group()
        column.constraints.append(CheckDefinition(group, cursor.source(group), constraint_name))
    elif cursor.word() in {"REFERENCES", "FOREIGN"}:
        cursor.accept("FOREIGN", "KEY")
        column.constraints.append(_references(cursor, [column.name], constraint_name))
    else:
        raise cursor.error()


def _identity(cursor: Cursor) -> tuple[Decimal, Decimal]:
    token = cursor.peek()
    if token is None or token.token_type != TokenType.L_PAREN:
        return Decimal(1), Decimal(1)
    inner = Cursor(cursor.group()[1:-1], cursor.text)
    seed = Decimal(_number(inner))
    if not inner.accept_kind(TokenType.COMMA):
        raise inner.error()
    step = Decimal(_number(inner))
    inner.finish()
    return seed, step


def _default(cursor: Cursor, name: str | None) -> DefaultDefinition:
    start = cursor.at
    token = cursor.peek()
    if token is None:
        raise cursor.error()
    if token.token_type == TokenType.L_PAREN:
        cursor.group()
    else:
        if token.token_type in {TokenType.DASH, TokenType.PLUS}:
            cursor.at += 1
        cursor.at += 1
        following = cursor.peek()
        if following is not None and following.token_type == TokenType.L_PAREN:
            cursor.group()
    tokens = list(cursor.tokens[start : cursor.at])
    cursor.accept("WITH", "VALUES")
    return DefaultDefinition(tokens, cursor.source(tokens), name)


def _constraint(cursor: Cursor) -> Constraint:
    name = cursor.identifier() if cursor.accept("CONSTRAINT") else None
    if cursor.word() in {"PRIMARY", "UNIQUE"}:
        return _key(cursor, name, None)
    if cursor.accept("FOREIGN", "KEY"):
        return _references(cursor, cursor.listed(), name)
    if cursor.accept("CHECK"):
        group = cursor.group()
        return CheckDefinition(group, cursor.source(group), name)
    if cursor.accept("DEFAULT"):
        default = _default(cursor, name)
        cursor.expect("FOR")
        default.column = cursor.identifier()
        return default
    raise cursor.error()


def _key(cursor: Cursor, name: str | None, columns: list[KeyColumn] | None) -> KeyDefinition:
    primary = cursor.accept("PRIMARY", "KEY")
    if not primary:
        cursor.expect("UNIQUE")
    clustered = True if cursor.accept("CLUSTERED") else False if cursor.accept("NONCLUSTERED") else None
    token = cursor.peek()
    if columns is None or (token is not None and token.token_type == TokenType.L_PAREN):
        columns = _key_columns(cursor)
    _storage_clauses(cursor)
    return KeyDefinition(primary, columns, clustered, name)


def _key_columns(cursor: Cursor) -> list[KeyColumn]:
    inner = Cursor(cursor.group()[1:-1], cursor.text)
    columns = []
    while True:
        column = KeyColumn(inner.identifier())
        column.descending = inner.accept("DESC")
        inner.accept("ASC")
        columns.append(column)
        if not inner.accept_kind(TokenType.COMMA):
            break
    inner.finish()
    return columns


def _references(cursor: Cursor, columns: list[str], name: str | None) -> ForeignKeyDefinition:
    cursor.expect("REFERENCES")
    referenced = cursor.name()
    token = cursor.peek()
    target = cursor.listed() if token is not None and token.token_type == TokenType.L_PAREN else []
    key = ForeignKeyDefinition(columns, referenced, target, name=name)
    while cursor.word() == "ON" and cursor.word(1) in {"DELETE", "UPDATE"}:
        event = cursor.word(1)
        cursor.at += 2
        if cursor.accept("NO", "ACTION"):
            action = "NO ACTION"
        elif cursor.accept("SET"):
            action = "SET " + cursor.identifier().upper()
        else:
            cursor.expect("CASCADE")
            action = "CASCADE"
        if event == "DELETE":
            key.on_delete = action
        else:
            key.on_update = action
    return key


def _inline_index(cursor: Cursor, table: Name) -> IndexDefinition:
    name = cursor.identifier()
    unique = cursor.accept("UNIQUE")
    clustered = cursor.accept("CLUSTERED")
    cursor.accept("NONCLUSTERED")
    index = IndexDefinition(name, table, _key_columns(cursor), unique, clustered)
    if cursor.accept("INCLUDE"):
        index.included = cursor.listed()
    return index


def _create_index(cursor: Cursor, unique: bool = False, clustered: bool = False) -> IndexDefinition:
    name = cursor.identifier()
    cursor.expect("ON")
    index = IndexDefinition(name, cursor.name(), _key_columns(cursor), unique, clustered)
    if cursor.accept("INCLUDE"):
        index.included = cursor.listed()
    if cursor.accept("WHERE"):
        start = cursor.at
        while not cursor.ended and cursor.word() not in {"WITH", "ON"}:
            cursor.at += 1
        index.filter = list(cursor.tokens[start : cursor.at])
        index.filter_text = cursor.source(index.filter)
    _storage_clauses(cursor)
    return index


def _index_kind(unique: bool, clustered: bool) -> Callable[[Cursor], Definition]:
    return lambda cursor: _create_index(cursor, unique, clustered)


def _create_view(cursor: Cursor, replace: bool = False, alter: bool = False) -> CreateView:
    name = cursor.name()
    token = cursor.peek()
    columns = cursor.listed() if token is not None and token.token_type == TokenType.L_PAREN else []
    if cursor.word() == "WITH":
        raise not_supported(f"CREATE VIEW WITH {cursor.word(1)}")
    cursor.expect("AS")
    query = list(cursor.tokens[cursor.at :])
    cursor.at = len(cursor.tokens)
    return CreateView(name, columns, query, cursor.source(cursor.tokens), replace, alter)


def _alter_table(cursor: Cursor) -> Definition:
    table = cursor.name()
    if cursor.accept("WITH", "CHECK") or cursor.accept("WITH", "NOCHECK"):
        if cursor.tokens[cursor.at - 1].text.upper() == "NOCHECK":
            raise not_supported("ALTER TABLE WITH NOCHECK")
        if cursor.word() in {"CHECK", "NOCHECK"}:
            raise not_supported("ALTER TABLE CHECK CONSTRAINT")
    if cursor.accept("ADD"):
        return _add(cursor, table)
    if cursor.accept("ALTER", "COLUMN"):
        column = AlterColumn(table, cursor.identifier(), parse_type(cursor.type_text()), None, None)
        if cursor.accept("COLLATE"):
            column.collation = cursor.identifier()
        column.nullable = False if cursor.accept("NOT", "NULL") else True if cursor.accept("NULL") else None
        return column
    if cursor.accept("DROP"):
        return _drop_from_table(cursor, table)
    raise not_supported(f"ALTER TABLE {cursor.word()}", line=cursor.tokens[0].line)


def _add(cursor: Cursor, table: Name) -> AddToTable:
    added = AddToTable(table, [], [])
    while True:
        if cursor.word() in _CONSTRAINT_WORDS:
            added.constraints.append(_constraint(cursor))
        else:
            added.columns.append(_column(cursor))
        if not cursor.accept_kind(TokenType.COMMA):
            return added


def _drop_from_table(cursor: Cursor, table: Name) -> DropFromTable:
    dropped = DropFromTable(table, [], [], if_exists=False)
    kind = "CONSTRAINT"
    while True:
        if cursor.accept("COLUMN"):
            kind = "COLUMN"
        elif cursor.accept("CONSTRAINT"):
            kind = "CONSTRAINT"
        dropped.if_exists |= cursor.accept("IF", "EXISTS")
        (dropped.columns if kind == "COLUMN" else dropped.constraints).append(cursor.identifier())
        if not cursor.accept_kind(TokenType.COMMA):
            return dropped


def _drop_objects(kind: str) -> Callable[[Cursor], Definition]:
    def parse(cursor: Cursor) -> DropObjects:
        if_exists = cursor.accept("IF", "EXISTS")
        names = [cursor.name()]
        while cursor.accept_kind(TokenType.COMMA):
            names.append(cursor.name())
        return DropObjects(kind, names, if_exists)

    return parse


def _drop_index(cursor: Cursor) -> DropIndex:
    if_exists = cursor.accept("IF", "EXISTS")
    name = cursor.name()
    if cursor.accept("ON"):
        return DropIndex(name[-1], cursor.name(), if_exists)
    if len(name) < 2:
        raise cursor.error()
    return DropIndex(name[-1], name[:-1], if_exists)


def _create_schema(cursor: Cursor) -> CreateSchema:
    schema = CreateSchema(cursor.identifier())
    if cursor.accept("AUTHORIZATION"):
        cursor.identifier()
    return schema


def _alter_schema(cursor: Cursor) -> TransferObject:
    schema = cursor.identifier()
    cursor.expect("TRANSFER")
    if cursor.accept("OBJECT") and not cursor.accept_kind(TokenType.DCOLON):
        raise cursor.error()
    return TransferObject(schema, cursor.name())


def _drop_schema(cursor: Cursor) -> DropSchema:
    if_exists = cursor.accept("IF", "EXISTS")
    return DropSchema(cursor.identifier(), if_exists)


def _create_database(cursor: Cursor) -> CreateDatabase:
    name = cursor.identifier()
    if cursor.accept("COLLATE") and cursor.identifier().lower() != "sql_latin1_general_cp1_ci_as":
        raise not_supported("a database collation other than SQL_Latin1_General_CP1_CI_AS")
    return CreateDatabase(name)


def _drop_database(cursor: Cursor) -> DropDatabase:
    if_exists = cursor.accept("IF", "EXISTS")
    names = [cursor.identifier()]
    while cursor.accept_kind(TokenType.COMMA):
        names.append(cursor.identifier())
    return DropDatabase(names, if_exists)


_PARSERS: list[tuple[tuple[str, ...], Callable[[Cursor], Definition]]] = [
    (("CREATE", "TABLE"), _create_table),
    *(
        (("CREATE", *unique, *clustered, "INDEX"), _index_kind(bool(unique), clustered == ("CLUSTERED",)))
        for unique in ((), ("UNIQUE",))
        for clustered in ((), ("CLUSTERED",), ("NONCLUSTERED",))
    ),
    (("CREATE", "VIEW"), _create_view),
    (("CREATE", "OR", "ALTER", "VIEW"), lambda cursor: _create_view(cursor, replace=True)),
    (("ALTER", "VIEW"), lambda cursor: _create_view(cursor, replace=True, alter=True)),
    (("CREATE", "SCHEMA"), _create_schema),
    (("CREATE", "DATABASE"), _create_database),
    (("ALTER", "TABLE"), _alter_table),
    (("ALTER", "SCHEMA"), _alter_schema),
    (("DROP", "TABLE"), _drop_objects("TABLE")),
    (("DROP", "VIEW"), _drop_objects("VIEW")),
    (("DROP", "INDEX"), _drop_index),
    (("DROP", "SCHEMA"), _drop_schema),
    (("DROP", "DATABASE"), _drop_database),
    (("TRUNCATE", "TABLE"), lambda cursor: Truncate(cursor.name())),
]
