"""What a session knows besides its transaction: options, variables of the server, the last statement's outcome."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from etl.sandbox.outcomes import Client, Isolation
from etl.sandbox.sqltypes import Value

VERSION = (
    "Microsoft SQL Server 2022 (sandbox) - 16.0.1000.6 (X64) \n\tDeveloper Edition (64-bit) on PostgreSQL, for tests"
    " only"
)
SERVER = "SANDBOX"
MAX_TEXT_SIZE = 2147483647
"""@@TEXTSIZE of a new session: nothing is cut."""


@dataclass(slots=True)
class Options:
    """SET options; a fresh one is what a new connection has."""

    nocount: bool = False
    xact_abort: bool = False
    implicit_transactions: bool = False
    format_only: bool = False
    no_execute: bool = False
    text_size: int = MAX_TEXT_SIZE
    lock_timeout_ms: int = -1
    isolation: Isolation = Isolation.READ_COMMITTED
    identity_insert: str | None = None
    """`database.schema.table` in lower case."""


@dataclass(slots=True)
class SessionState:
    """The session's own values, as @@variables and functions show them."""

    user: str
    number: int
    database: str
    options: Options = field(default_factory=Options)
    row_count: int = 0
    error: int = 0
    transactions: int = 0
    identity: Decimal | None = None
    trigger_identity: Decimal | None = None
    """What a trigger's INSERT made after the session's own last value: @@IDENTITY sees it, SCOPE_IDENTITY() does not."""
    client: Client = field(default_factory=Client)

    def value(self, name: str) -> Value:
        """The value of `@@ROWCOUNT`, `DB_NAME`, `XACT_STATE` and their like."""
        answers: dict[str, Value] = {
            "@@ROWCOUNT": self.row_count,
            "@@ERROR": self.error,
            "@@TRANCOUNT": self.transactions,
            "@@IDENTITY": self.identity if self.trigger_identity is None else self.trigger_identity,
            "SCOPE_IDENTITY": self.identity,
            "@@SPID": self.number,
            "SESSION_NUMBER": self.number,
            "@@VERSION": VERSION,
            "@@SERVERNAME": SERVER,
            "@@SERVICENAME": "MSSQLSERVER",
            "@@LANGUAGE": "us_english",
            "@@TEXTSIZE": self.options.text_size,
            "@@DATEFIRST": 7,
            "@@LOCK_TIMEOUT": self.options.lock_timeout_ms,
            "@@MAX_PRECISION": 38,
            "@@MICROSOFTVERSION": 0x100003E8,
            "@@OPTIONS": self._option_bits(),
            "@@NESTLEVEL": 0,
            "@@PROCID": 0,
            "@@FETCH_STATUS": -1,
            "XACT_STATE": 1 if self.transactions else 0,
            "DB_NAME": self.database,
            "HOST_NAME": self.client.host,
            "APP_NAME": self.client.application,
        }
        return answers[name]

    def _option_bits(self) -> int:
        """@@OPTIONS: https://learn.microsoft.com/sql/database-engine/configure-windows/configure-the-user-options-server-configuration-option."""
        bits = (
            0x20 | 0x10 | 0x8 | 0x100 | 0x1000 | 0x40
        )  # quoted identifiers, ANSI padding, warnings, nulls, concat null, arithabort
        bits |= 0x200 if self.options.nocount else 0
        bits |= 0x4000 if self.options.xact_abort else 0
        bits |= 0x2 if self.options.implicit_transactions else 0
        return bits
