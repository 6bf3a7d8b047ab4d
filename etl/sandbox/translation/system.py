"""@@variables: values that the session knows when the statement runs."""

from __future__ import annotations

from etl.sandbox.errors import SqlServerError
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation.context import Context
from etl.sandbox.translation.expression import Expression
from etl.sandbox.translation.types import INT, SYSNAME, TINYINT

SYSTEM_VARIABLES: dict[str, SqlType] = {
    "@@ROWCOUNT": INT,
    "@@ERROR": INT,
    "@@TRANCOUNT": INT,
    "@@IDENTITY": SqlType("decimal", precision=38, scale=0),
    "@@DBTS": SqlType("varbinary", length=8),
    "@@SPID": SqlType("smallint"),
    "@@VERSION": SqlType("nvarchar", length=300),
    "@@SERVERNAME": SYSNAME,
    "@@SERVICENAME": SYSNAME,
    "@@LANGUAGE": SYSNAME,
    "@@TEXTSIZE": INT,
    "@@DATEFIRST": TINYINT,
    "@@LOCK_TIMEOUT": INT,
    "@@MAX_PRECISION": TINYINT,
    "@@MICROSOFTVERSION": INT,
    "@@OPTIONS": INT,
    "@@NESTLEVEL": INT,
    "@@PROCID": INT,
    "@@FETCH_STATUS": INT,
}


def system_variable(context: Context, name: str) -> Expression:
    """`@@name`. Error 137 for one that does not exist."""
    full = "@@" + name.upper()
    kind = SYSTEM_VARIABLES.get(full)
    if kind is None:
        raise SqlServerError(137, f'Must declare the scalar variable "@@{name}".', severity=15, ends_batch=True)
    if full == "@@DBTS":
        return Expression("sandbox.last_rowversion()", kind, nullable=False)
    return session_value(context, full, kind)


def session_value(context: Context, name: str, kind: SqlType) -> Expression:
    """A value that `SessionState.value(name)` gives when the statement runs."""
    return Expression(context.bind(name, kind), kind)
