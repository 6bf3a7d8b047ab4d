"""SET statements that are no assignment: each with its effect, or refused by name."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot.tokenizer_core import TokenType

from etl.sandbox.catalog import Table
from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.outcomes import Isolation
from etl.sandbox.state import Options, SessionState
from etl.sandbox.translation.batch import Statement
from etl.sandbox.translation.cursor import Cursor

_ALWAYS_ON = frozenset(
    [
        "QUOTED_IDENTIFIER",
        "ANSI_NULLS",
        "ANSI_PADDING",
        "ANSI_WARNINGS",
        "ANSI_NULL_DFLT_ON",
        "ANSI_DEFAULTS",
        "ARITHABORT",
        "CONCAT_NULL_YIELDS_NULL",
    ]
)
"""What the sandbox always does; OFF is refused."""
_ALWAYS_OFF = frozenset(
    [
        "NUMERIC_ROUNDABORT",
        "CURSOR_CLOSE_ON_COMMIT",
        "PARSEONLY",
        "SHOWPLAN_ALL",
        "SHOWPLAN_TEXT",
        "SHOWPLAN_XML",
        "NOEXEC",
        "ANSI_NULL_DFLT_OFF",
        "REMOTE_PROC_TRANSACTIONS",
        "FORCEPLAN",
    ]
)
_ONLY_INFORMS = frozenset({"ARITHIGNORE", "DEADLOCK_PRIORITY", "CONTEXT_INFO"})
_ISOLATION = {
    ("READ", "UNCOMMITTED"): Isolation.READ_UNCOMMITTED,
    ("READ", "COMMITTED"): Isolation.READ_COMMITTED,
    ("REPEATABLE", "READ"): Isolation.REPEATABLE_READ,
    ("SERIALIZABLE",): Isolation.SERIALIZABLE,
    ("SNAPSHOT",): Isolation.SNAPSHOT,
}
_FLAGS = {
    "NOCOUNT": "nocount",
    "XACT_ABORT": "xact_abort",
    "IMPLICIT_TRANSACTIONS": "implicit_transactions",
    "FMTONLY": "format_only",
}

FindTable = Callable[[tuple[str, ...]], Table]


def apply_option(statement: Statement, state: SessionState, find_table: FindTable) -> None:
    """Carry SET out on the session's options. Error 195 for an option that does not exist."""
    cursor = Cursor(statement.tokens, statement.text)
    cursor.expect("SET")
    if cursor.accept("TRANSACTION"):
        _isolation(cursor, state.options)
    elif cursor.accept("IDENTITY_INSERT"):
        _identity_insert(cursor, state.options, find_table)
    else:
        _plain(cursor, state)
    cursor.finish()


def _isolation(cursor: Cursor, options: Options) -> None:
    cursor.expect("ISOLATION", "LEVEL")
    for words, level in _ISOLATION.items():
        if cursor.accept(*words):
            options.isolation = level
            return
    raise cursor.error()


def _identity_insert(cursor: Cursor, options: Options, find_table: FindTable) -> None:
    table = find_table(cursor.name())
    name = table.full_name.lower()
    if table.identity is None:
        raise SqlServerError(
            8106, f"Table '{table.name}' does not have the identity property. Cannot perform SET operation."
        )
    if cursor.accept("OFF"):
        options.identity_insert = None if options.identity_insert == name else options.identity_insert
        return
    cursor.expect("ON")
    if options.identity_insert not in {None, name}:
        raise SqlServerError(
            8107,
            f"IDENTITY_INSERT is already ON for table '{options.identity_insert}'. Cannot perform SET operation for"
            f" table '{table.name}'.",
        )
    options.identity_insert = name


def _plain(cursor: Cursor, state: SessionState) -> None:
    names = [cursor.identifier().upper()]
    while cursor.accept_kind(TokenType.COMMA):
        names.append(cursor.identifier().upper())
    for name in names[:-1]:
        if name not in _ALWAYS_ON | _ALWAYS_OFF | _FLAGS.keys():
            raise not_supported(f"SET {name}")
    last = names[-1]
    if last in {"TEXTSIZE", "LOCK_TIMEOUT", "ROWCOUNT", "DATEFIRST", "QUERY_GOVERNOR_COST_LIMIT"}:
        _numeric(last, _number(cursor), state.options)
    elif last in {"LANGUAGE", "DATEFORMAT"}:
        _language(last, cursor.identifier().lower())
    elif last in _ONLY_INFORMS:
        cursor.at = len(cursor.tokens)
    elif last == "STATISTICS":
        raise not_supported("SET STATISTICS")
    else:
        turned_on = not cursor.accept("OFF")
        if turned_on:
            cursor.expect("ON")
        for name in names:
            _flag(name, turned_on, state.options)


def _flag(name: str, turned_on: bool, options: Options) -> None:
    if name in _FLAGS:
        setattr(options, _FLAGS[name], turned_on)
    elif name in _ALWAYS_ON:
        if not turned_on:
            raise not_supported(f"SET {name} OFF")
    elif name in _ALWAYS_OFF:
        if turned_on:
            raise not_supported(f"SET {name} ON")
    else:
        raise SqlServerError(195, f"'{name}' is not a recognized SET option.", severity=15, ends_batch=True)


def _number(cursor: Cursor) -> int:
    sign = -1 if cursor.accept_kind(TokenType.DASH) else 1
    token = cursor.peek()
    if token is None or token.token_type != TokenType.NUMBER or not token.text.isdigit():
        raise cursor.error()
    cursor.at += 1
    return sign * int(token.text)


def _numeric(name: str, number: int, options: Options) -> None:
    if name == "TEXTSIZE":
        # 0 means the default of 4,096 bytes, -1 the most: SET TEXTSIZE (Transact-SQL).
        options.text_size = 4096 if number == 0 else 2147483647 if number < 0 else number
    elif name == "LOCK_TIMEOUT":
        options.lock_timeout_ms = max(number, -1)
    elif name == "ROWCOUNT" and number != 0:
        raise not_supported("SET ROWCOUNT other than 0")
    elif name == "DATEFIRST" and number != 7:
        raise not_supported("SET DATEFIRST other than 7")


def _language(name: str, setting: str) -> None:
    if setting not in {"us_english", "english", "mdy"}:
        raise not_supported(f"SET {name} {setting}")
