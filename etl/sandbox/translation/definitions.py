"""What DDL says, as data: the output of `ddl_parser` and the input of `schema`."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from sqlglot.tokenizer_core import Token

from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation.principal_definitions import PrincipalDefinition

Name = tuple[str, ...]
"""One to three parts: [[database.]schema.]object."""


@dataclass(slots=True)
class KeyColumn:
    """A column of a key or index."""

    name: str
    descending: bool = False


@dataclass(slots=True)
class KeyDefinition:
    """PRIMARY KEY or UNIQUE."""

    primary: bool
    columns: list[KeyColumn]
    clustered: bool | None = None
    name: str | None = None


@dataclass(slots=True)
class ForeignKeyDefinition:
    """FOREIGN KEY … REFERENCES."""

    columns: list[str]
    referenced: Name
    referenced_columns: list[str]
    on_delete: str = "NO ACTION"
    on_update: str = "NO ACTION"
    name: str | None = None


@dataclass(slots=True)
class CheckDefinition:
    """CHECK (condition)."""

    tokens: list[Token]
    text: str
    name: str | None = None


@dataclass(slots=True)
class DefaultDefinition:
    """DEFAULT value [FOR column]."""

    tokens: list[Token]
    text: str
    name: str | None = None
    column: str | None = None


Constraint = KeyDefinition | ForeignKeyDefinition | CheckDefinition | DefaultDefinition


@dataclass(slots=True)
class ColumnDefinition:
    """A column of CREATE TABLE or ALTER TABLE ADD. `type` is None for a computed column."""

    name: str
    type: SqlType | None
    nullable: bool | None = None
    collation: str | None = None
    identity: tuple[Decimal, Decimal] | None = None
    computed: list[Token] | None = None
    computed_text: str = ""
    default: DefaultDefinition | None = None
    constraints: list[Constraint] = field(default_factory=list)


@dataclass(slots=True)
class IndexDefinition:
    """CREATE INDEX, or INDEX inside CREATE TABLE."""

    name: str
    table: Name
    columns: list[KeyColumn]
    unique: bool = False
    clustered: bool = False
    included: list[str] = field(default_factory=list)
    filter: list[Token] | None = None
    filter_text: str = ""


@dataclass(slots=True)
class CreateTable:
    """CREATE TABLE."""

    name: Name
    columns: list[ColumnDefinition]
    constraints: list[Constraint]
    indexes: list[IndexDefinition]


@dataclass(slots=True)
class AddToTable:
    """ALTER TABLE … ADD."""

    table: Name
    columns: list[ColumnDefinition]
    constraints: list[Constraint]


@dataclass(slots=True)
class AlterColumn:
    """ALTER TABLE … ALTER COLUMN."""

    table: Name
    column: str
    type: SqlType
    nullable: bool | None
    collation: str | None


@dataclass(slots=True)
class DropFromTable:
    """ALTER TABLE … DROP COLUMN or CONSTRAINT."""

    table: Name
    columns: list[str]
    constraints: list[str]
    if_exists: bool


@dataclass(slots=True)
class TrustConstraints:
    """ALTER TABLE … [WITH CHECK] CHECK CONSTRAINT: rows that a bulk load put past the constraints are checked now."""

    table: Name
    names: list[str]
    """Empty for ALL."""
    with_check: bool
    """Without it constraints only go on being enforced, which they always are here."""


@dataclass(slots=True)
class DropObjects:
    """DROP TABLE or VIEW."""

    kind: str
    names: list[Name]
    if_exists: bool


@dataclass(slots=True)
class DropIndex:
    """DROP INDEX name ON table."""

    name: str
    table: Name
    if_exists: bool


@dataclass(slots=True)
class CreateView:
    """CREATE [OR ALTER] VIEW."""

    name: Name
    columns: list[str]
    query: list[Token]
    text: str
    replace: bool
    alter: bool = False


@dataclass(slots=True)
class CreateSchema:
    """CREATE SCHEMA [AUTHORIZATION owner]."""

    name: str
    owner: str | None = None


@dataclass(slots=True)
class DropSchema:
    """DROP SCHEMA."""

    name: str
    if_exists: bool


@dataclass(slots=True)
class TransferObject:
    """ALTER SCHEMA … TRANSFER."""

    schema: str
    object: Name


@dataclass(slots=True)
class CreateDatabase:
    """CREATE DATABASE."""

    name: str


@dataclass(slots=True)
class AlterDatabase:
    """ALTER DATABASE … SET of an option that is so already; without a name it is the current one."""

    name: str | None


@dataclass(slots=True)
class DropDatabase:
    """DROP DATABASE."""

    names: list[str]
    if_exists: bool


@dataclass(slots=True)
class CreateTrigger:
    """CREATE [OR ALTER] or ALTER TRIGGER … AFTER; `text` is what the body's tokens are of."""

    name: Name
    table: Name
    events: tuple[str, ...]
    """Of INSERT, UPDATE and DELETE."""
    body: list[Token]
    text: str
    definition: str
    replace: bool
    alter: bool


@dataclass(slots=True)
class DropTriggers:
    """DROP TRIGGER."""

    names: list[Name]
    if_exists: bool


@dataclass(slots=True)
class SwitchTriggers:
    """DISABLE or ENABLE TRIGGER; `names` is None for ALL. `missing` is the error's number for a name that is not there."""

    table: Name
    names: list[Name] | None
    disabled: bool
    missing: int


@dataclass(slots=True)
class Truncate:
    """TRUNCATE TABLE."""

    table: Name


@dataclass(slots=True)
class Rename:
    """sp_rename of a table, column, index or constraint."""

    object: str
    new_name: str
    kind: str


Definition = (
    CreateTable
    | AddToTable
    | AlterColumn
    | DropFromTable
    | TrustConstraints
    | DropObjects
    | DropIndex
    | IndexDefinition
    | CreateView
    | CreateSchema
    | DropSchema
    | TransferObject
    | CreateDatabase
    | AlterDatabase
    | DropDatabase
    | CreateTrigger
    | DropTriggers
    | SwitchTriggers
    | Truncate
    | Rename
    | PrincipalDefinition
)
