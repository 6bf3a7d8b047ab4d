"""Functions about the session, the server and the catalog."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from etl.sandbox.errors import not_supported
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation.context import Context
from etl.sandbox.translation.conversion import convert
from etl.sandbox.translation.expression import Expression
from etl.sandbox.translation.functions import function, integer
from etl.sandbox.translation.nodes import value
from etl.sandbox.translation.system import session_value
from etl.sandbox.translation.types import GUID, INT, NVARCHAR_MAX, SYSNAME

_SMALLINT = SqlType("smallint")

_SESSION_VALUES: dict[str, SqlType] = {
    "HOST_NAME": SYSNAME,
    "APP_NAME": SYSNAME,
    "XACT_STATE": _SMALLINT,
    "SCOPE_IDENTITY": SqlType("decimal", precision=38, scale=0),
}
"""Functions without arguments that `SessionState.value` answers."""


def _from_session(name: str, kind: SqlType) -> None:
    @function(name, 0)
    def _handler(context: Context, _arguments: Sequence[exp.Expr]) -> Expression:
        return session_value(context, name, kind)


for _function, _kind in _SESSION_VALUES.items():
    _from_session(_function, _kind)


def _name(context: Context, node: exp.Expr) -> str:
    """An argument that is a name, as PostgreSQL text."""
    return f"({convert(value(context, node), SqlType('nvarchar', length=4000)).sql})::text"


def _database(context: Context) -> str:
    return f"({session_value(context, 'DB_NAME', SYSNAME).sql})::text"


def _session_number(context: Context) -> str:
    return session_value(context, "SESSION_NUMBER", INT).sql


@function("NEWID", 0)
def _newid(_context: Context, _arguments: Sequence[exp.Expr]) -> Expression:
    return Expression("sandbox.newid()", GUID, nullable=False)


@function("MIN_ACTIVE_ROWVERSION", 0)
def _min_active_rowversion(_context: Context, _arguments: Sequence[exp.Expr]) -> Expression:
    return Expression("sandbox.min_active_rowversion()", SqlType("binary", length=8), nullable=False)


@function("DB_NAME", 0, 1)
def _db_name(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    if not arguments:
        return session_value(context, "DB_NAME", SYSNAME)
    return Expression(f"sandbox.seen_database_name({integer(context, arguments[0]).sql})", SYSNAME)


@function("DB_ID", 0, 1)
def _db_id(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    name = _name(context, arguments[0]) if arguments else _database(context)
    return Expression(f"sandbox.seen_database_id({name})", _SMALLINT)


@function("SCHEMA_NAME", 0, 1)
def _schema_name(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    if not arguments:
        return Expression(f"sandbox.default_schema({_database(context)})", SYSNAME)
    return Expression(f"sandbox.schema_name({integer(context, arguments[0]).sql})", SYSNAME)


@function("SCHEMA_ID", 0, 1)
def _schema_id(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    if not arguments:
        return Expression(
            f"sandbox.schema_id(sandbox.default_schema({_database(context)})::text, {_database(context)})", INT
        )
    return Expression(f"sandbox.schema_id({_name(context, arguments[0])}, {_database(context)})", INT)


@function("OBJECT_ID", 1, 2)
def _object_id(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    kind = _name(context, arguments[1]) if len(arguments) == 2 else "NULL::text"
    sql = f"sandbox.object_id({_name(context, arguments[0])}, {kind}, {_database(context)}, {_session_number(context)})"
    # As a query of its own it is worked out once, not for every row that is compared with it.
    return Expression(f"(SELECT {sql})", INT)


@function("OBJECT_NAME", 1)
def _object_name(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    return Expression(f"sandbox.object_name({integer(context, arguments[0]).sql})", SYSNAME)


@function("OBJECT_SCHEMA_NAME", 1)
def _object_schema_name(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    number = integer(context, arguments[0]).sql
    return Expression(
        f"(SELECT s.name FROM sandbox.objects o JOIN sandbox.schemas s USING (schema_id) WHERE o.object_id = {number}"
        f" AND sandbox.sees({number}))",
        SYSNAME,
    )


@function("COL_LENGTH", 2)
def _col_length(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    table = f"(SELECT sandbox.find_object({_name(context, arguments[0])}, {_database(context)}, {_session_number(context)}))"
    sql = (
        "(SELECT sandbox.max_length(type_name, length, precision, scale) FROM sandbox.columns WHERE object_id ="
        f" {table} AND name = {_name(context, arguments[1])}::citext)"
    )
    return Expression(sql, _SMALLINT)


@function("COL_NAME", 2)
def _col_name(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    table, column = (integer(context, argument).sql for argument in arguments)
    sql = f"(SELECT name FROM sandbox.columns WHERE object_id = {table} AND column_id = {column} AND sandbox.sees(object_id))"
    return Expression(sql, SYSNAME)


@function("TYPE_NAME", 1)
def _type_name(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    number = integer(context, arguments[0]).sql
    return Expression(f'(SELECT name FROM sandbox_sys."sys.types" WHERE user_type_id = {number} LIMIT 1)', SYSNAME)


_COLUMN_PROPERTIES = {
    "isidentity": "is_identity::int",
    "iscomputed": "(computed IS NOT NULL)::int",
    "allowsnull": "nullable::int",
    "columnid": "column_id",
    "precision": "sandbox.shown_precision(type_name, precision, scale)",
    "scale": "sandbox.shown_scale(type_name, scale)",
    "charmaxlen": "CASE WHEN type_name LIKE '%char' THEN coalesce(length, -1) END",
    "isrowguidcol": "0",
    "issparse": "0",
    "ishidden": "0",
    "generatedalwaystype": "0",
}


@function("COLUMNPROPERTY", 3)
def _columnproperty(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    wanted = value(context, arguments[2]).literal
    column = _COLUMN_PROPERTIES.get(str(wanted).lower())
    if column is None:
        raise not_supported(f"COLUMNPROPERTY '{wanted}'")
    table, name = integer(context, arguments[0]).sql, _name(context, arguments[1])
    return Expression(
        f"(SELECT {column} FROM sandbox.columns WHERE object_id = {table} AND name = {name}::citext AND"
        " sandbox.sees(object_id))",
        INT,
    )


_OBJECT_PROPERTIES = {
    "isusertable": "(type = 'U')::int",
    "istable": "(type = 'U')::int",
    "isview": "(type = 'V')::int",
    "isprimarykey": "(type = 'PK')::int",
    "ismsshipped": "0",
    "tablehasidentity": (
        "(EXISTS (SELECT FROM sandbox.columns c WHERE c.object_id = o.object_id AND c.is_identity))::int"
    ),
    "tablehasprimarykey": (
        "(EXISTS (SELECT FROM sandbox.indexes i WHERE i.object_id = o.object_id AND i.is_primary_key))::int"
    ),
}


@function("OBJECTPROPERTY", 2)
def _objectproperty(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    wanted = value(context, arguments[1]).literal
    column = _OBJECT_PROPERTIES.get(str(wanted).lower())
    if column is None:
        raise not_supported(f"OBJECTPROPERTY '{wanted}'")
    return Expression(
        f"(SELECT {column} FROM sandbox.objects o WHERE object_id = {integer(context, arguments[0]).sql} AND"
        " sandbox.sees(object_id))",
        INT,
    )


@function("IDENT_CURRENT", 1)
def _ident_current(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    table = f"(SELECT sandbox.find_object({_name(context, arguments[0])}, {_database(context)}, {_session_number(context)}))"
    sql = f"(SELECT sandbox.sequence_value(sequence) FROM sandbox.columns WHERE object_id = {table} AND is_identity)"
    return Expression(sql, SqlType("decimal", precision=38, scale=0))


SERVER_PROPERTIES: dict[str, str | int | None] = {
    "productversion": "16.0.1000.6",
    "productlevel": "RTM",
    "productmajorversion": "16",
    "productminorversion": "0",
    "productbuild": "1000",
    "edition": "Developer Edition (64-bit)",
    "editionid": -2117995310,
    "engineedition": 3,
    "collation": "SQL_Latin1_General_CP1_CI_AS",
    "servername": "SANDBOX",
    "machinename": "SANDBOX",
    "instancename": None,
    "isclustered": 0,
    "ishadrenabled": 0,
    "isintegratedsecurityonly": 0,
    "issingleuser": 0,
    "isfulltextinstalled": 0,
    "isxtpsupported": 0,
    "ispolybaseinstalled": 0,
    "resourceversion": "16.00.1000",
    "buildclrversion": "v4.0.30319",
    "lcid": 1033,
    "comparisonstyle": 196609,
    "licensetype": "DISABLED",
    "sqlcharsetname": "iso_1",
    "sqlsortordername": "nocase_iso",
}
"""SERVERPROPERTY's answers. Raw they are sql_variant in SQL Server; here nvarchar or int."""


@function("SERVERPROPERTY", 1)
def _serverproperty(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    wanted = value(context, arguments[0]).literal
    answer = SERVER_PROPERTIES.get(str(wanted).lower())
    if answer is None:
        return Expression("NULL::citext", SYSNAME)
    if isinstance(answer, int):
        return Expression(f"({answer})::int4", INT)
    return Expression(f"'{answer}'::citext", SYSNAME)


_DATABASE_PROPERTIES: dict[str, str | int] = {
    "collation": "SQL_Latin1_General_CP1_CI_AS",
    "status": "ONLINE",
    "updateability": "READ_WRITE",
    "useraccess": "MULTI_USER",
    "recovery": "SIMPLE",
    "version": 957,
    "isansinullsenabled": 1,
    "isquotedidentifiersenabled": 1,
}


@function("DATABASEPROPERTYEX", 2)
def _databasepropertyex(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    wanted = value(context, arguments[1]).literal
    answer = _DATABASE_PROPERTIES.get(str(wanted).lower())
    if answer is None:
        raise not_supported(f"DATABASEPROPERTYEX '{wanted}'")
    known = f"sandbox.seen_database_id({_name(context, arguments[0])}) IS NOT NULL"
    if isinstance(answer, int):
        return Expression(f"(CASE WHEN {known} THEN {answer} END)", INT)
    return Expression(f"(CASE WHEN {known} THEN '{answer}' END)::citext", SYSNAME)


@function("CONNECTIONPROPERTY", 1)
def _connectionproperty(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    wanted = str(value(context, arguments[0]).literal).lower()
    answers = {
        "net_transport": "TCP",
        "protocol_type": "TSQL",
        "auth_scheme": "SQL",
        "local_net_address": "127.0.0.1",
        "client_net_address": "127.0.0.1",
    }
    if wanted not in answers:
        raise not_supported(f"CONNECTIONPROPERTY '{wanted}'")
    return Expression(f"'{answers[wanted]}'::citext", SYSNAME)


@function("OBJECT_DEFINITION", 1)
def _object_definition(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    return Expression(f"sandbox.shown_definition({integer(context, arguments[0]).sql})", NVARCHAR_MAX)


@function("INDEXPROPERTY", 3)
def _indexproperty(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    wanted = str(value(context, arguments[2]).literal).lower()
    columns = {"isunique": "is_unique::int", "isclustered": "(index_id = 1)::int", "indexid": "index_id"}
    if wanted not in columns:
        raise not_supported(f"INDEXPROPERTY '{wanted}'")
    table, name = integer(context, arguments[0]).sql, _name(context, arguments[1])
    return Expression(
        f"(SELECT {columns[wanted]} FROM sandbox.indexes WHERE object_id = {table} AND name = {name}::citext AND"
        " sandbox.sees(object_id))",
        INT,
    )
