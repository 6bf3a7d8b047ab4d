"""Logins without rights, for the tests of rights."""

from __future__ import annotations

import itertools

from etl.sandbox.engine import PostgresEngine
from tests.sandbox.tsql import Session

PASSWORD = "Correct-Horse-7"
_numbers = itertools.count(1)


class People:
    """Makes logins without rights, each with a user of its own name in the test's database unless `user` is False."""

    def __init__(self, postgres: PostgresEngine, session: Session) -> None:
        self._postgres = postgres
        self._session = session
        self._open: list[Session] = []
        self._names: list[str] = []

    def __call__(self, name: str = "", *, user: bool = True, database: str | None = None) -> Session:
        login = name or f"someone{next(_numbers)}"
        if login not in self._names:
            self._names.append(login)
            self._session.run(f"CREATE LOGIN {login} WITH PASSWORD = '{PASSWORD}'")
            if user:
                self._session.run(f"CREATE USER {login}")
        place = self._session.interpreter.database if database is None else database
        self._open.append(Session(self._postgres.login(login, PASSWORD, place)))
        return self._open[-1]

    def leave(self, someone: Session) -> None:
        self._open.remove(someone)
        someone.interpreter.close()

    def forget_all(self) -> None:
        for someone in list(self._open):
            self.leave(someone)
        self._session.batch("ROLLBACK; USE master")
        for login in self._names:
            self._session.batch(f"DROP LOGIN {login}")


def denied(permission: str, table: str, session: Session, schema: str = "dbo") -> str:
    database = session.interpreter.database
    return f"The {permission} permission was denied on the object '{table}', database '{database}', schema '{schema}'."


def shown(session: Session, expression: str) -> str:
    """A value as the tests put it into other statements."""
    return str(session.rows(f"SELECT CONVERT(nvarchar(200), {expression})")[0][0])
