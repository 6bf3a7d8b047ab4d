"""What statements about logins, users, roles and permissions say, as data."""

from __future__ import annotations

from dataclasses import dataclass, field

Name = tuple[str, ...]


@dataclass(slots=True)
class CreateLogin:
    """CREATE LOGIN … WITH PASSWORD."""

    name: str
    password: str = field(repr=False)
    default_database: str | None = None
    check_policy: bool = True


@dataclass(slots=True)
class AlterLogin:
    """ALTER LOGIN; None for what stays."""

    name: str
    enabled: bool | None = None
    password: str | None = field(default=None, repr=False)
    old_password: str | None = field(default=None, repr=False)
    default_database: str | None = None
    check_policy: bool | None = None
    new_name: str | None = None


@dataclass(slots=True)
class DropLogin:
    """DROP LOGIN."""

    name: str


@dataclass(slots=True)
class CreateUser:
    """CREATE USER; `login` is None for WITHOUT LOGIN."""

    name: str
    login: str | None
    default_schema: str | None = None


@dataclass(slots=True)
class AlterUser:
    """ALTER USER … WITH; None for what stays."""

    name: str
    new_name: str | None = None
    default_schema: str | None = None
    login: str | None = None


@dataclass(slots=True)
class CreateRole:
    """CREATE ROLE [AUTHORIZATION]."""

    name: str
    owner: str | None = None


@dataclass(slots=True)
class DropPrincipal:
    """DROP USER or DROP ROLE."""

    kind: str
    name: str
    if_exists: bool


@dataclass(slots=True)
class ChangeRole:
    """ALTER [SERVER] ROLE: one member more or less, or another name."""

    name: str
    member: str | None
    added: bool = True
    server: bool = False
    new_name: str | None = None


@dataclass(slots=True)
class ChangeOwner:
    """ALTER AUTHORIZATION ON DATABASE:: or SCHEMA::."""

    kind: str
    name: str
    owner: str


@dataclass(slots=True)
class ChangePermissions:
    """GRANT, DENY or REVOKE. `kind` is OBJECT, SCHEMA, DATABASE, or empty where no ON says it; `name` is the securable's."""

    verb: str
    permissions: list[str]
    kind: str
    name: Name
    grantees: list[str]
    grant_option: bool = False
    """WITH GRANT OPTION, or GRANT OPTION FOR of REVOKE."""
    cascade: bool = False


PrincipalDefinition = (
    CreateLogin
    | AlterLogin
    | DropLogin
    | CreateUser
    | AlterUser
    | CreateRole
    | DropPrincipal
    | ChangeRole
    | ChangeOwner
    | ChangePermissions
)
