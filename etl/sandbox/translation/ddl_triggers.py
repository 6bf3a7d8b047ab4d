"""CREATE, ALTER, DROP, DISABLE and ENABLE TRIGGER."""

from __future__ import annotations

from sqlglot.tokenizer_core import TokenType

from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.translation.cursor import Cursor
from etl.sandbox.translation.definitions import CreateTrigger, DropTriggers, Name, SwitchTriggers

_EVENTS = ("INSERT", "UPDATE", "DELETE")


def read_create_trigger(cursor: Cursor, *, replace: bool = False, alter: bool = False) -> CreateTrigger:
    """[schema.]name ON table AFTER events AS body, after CREATE [OR ALTER] TRIGGER or ALTER TRIGGER."""
    # sys.sql_modules keeps the text as a CREATE, whatever made it.
    text = "CREATE " + cursor.text[cursor.tokens[cursor.at - 1].start :]
    name = cursor.name()
    cursor.expect("ON")
    if cursor.word() in {"DATABASE", "ALL"} and cursor.word(1) != "":
        raise not_supported("a DDL or logon trigger", line=cursor.tokens[0].line)
    table = cursor.name()
    if cursor.word() == "WITH":
        raise not_supported(f"CREATE TRIGGER WITH {cursor.word(1)}", line=cursor.tokens[0].line)
    if cursor.accept("INSTEAD", "OF"):
        raise not_supported("an INSTEAD OF trigger", line=cursor.tokens[0].line)
    if not cursor.accept("AFTER"):
        cursor.expect("FOR")
    events = _events(cursor)
    if cursor.word() in {"WITH", "NOT"}:
        raise not_supported(f"{cursor.word()} {cursor.word(1)} in CREATE TRIGGER", line=cursor.tokens[0].line)
    cursor.expect("AS")
    if cursor.ended or cursor.comes(TokenType.SEMICOLON):
        raise cursor.error()
    if cursor.word() == "EXTERNAL":
        raise not_supported("a CLR trigger", line=cursor.tokens[0].line)
    body = cursor.rest()
    return CreateTrigger(name, table, events, body, cursor.text, text, replace, alter)


def _events(cursor: Cursor) -> tuple[str, ...]:
    found: list[str] = []
    while True:
        event = next((event for event in _EVENTS if cursor.accept(event)), None)
        if event is None:
            raise cursor.error()
        if event in found:
            raise SqlServerError(
                1034,
                f'Syntax error: Duplicate specification of the action "{event}" in the trigger declaration.',
                severity=15,
                ends_batch=True,
            )
        found.append(event)
        if not cursor.accept_kind(TokenType.COMMA):
            return tuple(event for event in _EVENTS if event in found)


def read_drop_trigger(cursor: Cursor) -> DropTriggers:
    """[IF EXISTS] [schema.]name …, after DROP TRIGGER."""
    if_exists = cursor.accept("IF", "EXISTS")
    names = [cursor.name()]
    while cursor.accept_kind(TokenType.COMMA):
        names.append(cursor.name())
    if cursor.word() == "ON":
        raise not_supported("a DDL or logon trigger", line=cursor.tokens[0].line)
    return DropTriggers(names, if_exists)


def read_switch_triggers(cursor: Cursor, *, disabled: bool) -> SwitchTriggers:
    """{ALL | [schema.]name …} ON table, after DISABLE TRIGGER or ENABLE TRIGGER."""
    names = _names(cursor)
    cursor.expect("ON")
    if cursor.word() in {"DATABASE", "ALL"}:
        raise not_supported("a DDL or logon trigger", line=cursor.tokens[0].line)
    return SwitchTriggers(cursor.name(), names, disabled, missing=1088)


def read_alter_table_triggers(cursor: Cursor, table: Name, *, disabled: bool) -> SwitchTriggers:
    """{ALL | name …}, after ALTER TABLE … DISABLE TRIGGER or ENABLE TRIGGER."""
    return SwitchTriggers(table, _names(cursor), disabled, missing=4920)


def _names(cursor: Cursor) -> list[Name] | None:
    """The names; None for ALL."""
    if cursor.accept("ALL"):
        return None
    names = [cursor.name()]
    while cursor.accept_kind(TokenType.COMMA):
        names.append(cursor.name())
    return names
