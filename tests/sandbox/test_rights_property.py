"""Random grants, denials and memberships, and what they allow by the documented algorithm, written a second time in Python.

https://learn.microsoft.com/sql/relational-databases/security/permissions-database-engine#summary-of-the-permission-check-algorithm
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl.sandbox.engine import PostgresEngine
from tests.sandbox.conftest import LOGIN
from tests.sandbox.tsql import Session

PASSWORD = "Correct-Horse-7"
PRINCIPALS = ("someone", "inner_role", "outer_role", "public")
PLACES = ("OBJECT", "SCHEMA", "DATABASE")
PERMISSIONS = ("SELECT", "INSERT", "UPDATE", "DELETE", "CONTROL", "VIEW DEFINITION")
FIXED = {
    "db_datareader": ("GRANT", {"SELECT"}),
    "db_datawriter": ("GRANT", {"INSERT", "UPDATE", "DELETE"}),
    "db_denydatareader": ("DENY", {"SELECT"}),
    "db_denydatawriter": ("DENY", {"INSERT", "UPDATE", "DELETE"}),
    "db_owner": ("GRANT", {"CONTROL"}),
}
STATEMENTS = {
    "SELECT": "SELECT * FROM area.t",
    "INSERT": "INSERT INTO area.t VALUES (1)",
    "UPDATE": "UPDATE area.t SET a = 1",
    "DELETE": "DELETE FROM area.t",
}
_numbers = itertools.count(1)


@dataclass
class Model:
    """What was said, and what follows from it."""

    held: dict[tuple[str, str, str], str] = field(default_factory=dict)
    """(principal, place, permission) → GRANT or DENY"""
    members: set[tuple[str, str]] = field(default_factory=set)
    """(role, member)"""

    def say(self, verb: str, permission: str, place: str, principal: str) -> None:
        self.held.pop((principal, place, permission), None)
        if verb != "REVOKE":
            self.held[principal, place, permission] = verb

    def identities(self) -> set[str]:
        found = {"someone", "public"}
        while more := {role for role, member in self.members if member in found} - found:
            found |= more
        return found

    def verdicts(self, permission: str) -> set[str]:
        """All grants and denials that bear on a permission on the table: its own, what includes it, wherever it is around."""
        including = {permission, "CONTROL"}
        identities = self.identities()
        verdicts = {verb for (who, _, said), verb in self.held.items() if who in identities and said in including}
        return verdicts | {verb for role, (verb, said) in FIXED.items() if role in identities and said & including}

    def allows(self, permission: str) -> bool:
        return self.verdicts(permission) == {"GRANT"}

    def shows(self) -> bool:
        """Metadata: any permission, unless VIEW DEFINITION is denied."""
        return any(self.allows(permission) for permission in PERMISSIONS) and "DENY" not in self.verdicts(
            "VIEW DEFINITION"
        )


saying = st.tuples(
    st.sampled_from(["GRANT", "DENY", "REVOKE"]),
    st.sampled_from(PERMISSIONS),
    st.sampled_from(PLACES),
    st.sampled_from(PRINCIPALS),
)
joining = st.tuples(
    st.sampled_from(["ADD", "DROP"]),
    st.sampled_from([*FIXED, "inner_role", "outer_role"]),
    st.sampled_from(["someone", "inner_role"]),
).filter(lambda step: step[1:] not in {("inner_role", "inner_role")})


@dataclass
class Pair:
    """The administrator and the login without rights, in one database."""

    admin: Session
    someone: Session
    database: str

    def securable(self, place: str) -> str:
        return {"OBJECT": "area.t", "SCHEMA": "SCHEMA::area", "DATABASE": f"DATABASE::{self.database}"}[place]


@pytest.fixture(scope="module")
def pair(postgres: PostgresEngine) -> Iterator[Pair]:
    name = f"random_rights{next(_numbers)}"
    admin = Session(postgres.login(*LOGIN, ""))
    admin.run(f"CREATE DATABASE {name}; CREATE LOGIN someone WITH PASSWORD = '{PASSWORD}'; USE {name}")
    admin.run("CREATE USER someone; CREATE ROLE inner_role; CREATE ROLE outer_role")
    admin.run("CREATE SCHEMA area")
    admin.run("CREATE TABLE area.t (a int)")
    someone = Session(postgres.login("someone", PASSWORD, name))
    yield Pair(admin, someone, name)
    someone.interpreter.close()
    admin.run(f"USE master; DROP DATABASE {name}; DROP LOGIN someone")
    admin.interpreter.close()


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(saying, joining), min_size=1, max_size=12))
def test_rights_follow_the_documented_algorithm(pair: Pair, steps: list[tuple[str, ...]]) -> None:
    pair.admin.run("BEGIN TRAN")
    model = Model()
    try:
        for step in steps:
            if len(step) == 4:
                verb, permission, place, principal = step
                preposition = "FROM" if verb == "REVOKE" else "TO"
                pair.admin.run(f"{verb} {permission} ON {pair.securable(place)} {preposition} {principal}")
                model.say(verb, permission, place, principal)
            else:
                verb, role, member = step
                pair.admin.run(f"ALTER ROLE {role} {verb} MEMBER {member}")
                (model.members.add if verb == "ADD" else model.members.discard)((role, member))
        pair.admin.run("COMMIT")
        check(pair, model)
    finally:
        pair.admin.batch("ROLLBACK")
        undo(pair, model)


def check(pair: Pair, model: Model) -> None:
    for permission, statement in STATEMENTS.items():
        numbers = pair.someone.batch(statement).numbers
        assert numbers == ([] if model.allows(permission) else [229]), permission
        answer = pair.someone.value(f"HAS_PERMS_BY_NAME('area.t', 'OBJECT', '{permission}')")
        assert answer == (None if not model.shows() else int(model.allows(permission))), permission
    assert (pair.someone.value("OBJECT_ID('area.t')") is not None) == model.shows()
    assert pair.someone.rows("SELECT name FROM sys.tables") == ([("t",)] if model.shows() else [])


def undo(pair: Pair, model: Model) -> None:
    for principal, place, permission in model.held:
        pair.admin.run(f"REVOKE {permission} ON {pair.securable(place)} FROM {principal}")
    for role, member in model.members:
        pair.admin.run(f"ALTER ROLE {role} DROP MEMBER {member}")
