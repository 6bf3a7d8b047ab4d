"""The catalog as ODBC drivers ask for it: pyodbc's cursor methods over FreeTDS, and the procedures themselves."""

from __future__ import annotations

from collections.abc import Iterator

import pyodbc
import pytest
import sqlalchemy as sa

from tests.contract.lab import Session

TABLES = """
CREATE TABLE dbo.parts (
    id int IDENTITY(1, 1) NOT NULL, code nvarchar(20) NOT NULL, price decimal(10,2) NULL CONSTRAINT df_price DEFAULT ((0)),
    made datetime2(3) NULL, note varchar(max) NULL, stamp rowversion NOT NULL,
    CONSTRAINT pk_parts PRIMARY KEY CLUSTERED (id, code))
CREATE UNIQUE NONCLUSTERED INDEX ix_price ON dbo.parts (price DESC)
CREATE TABLE dbo.uses (
    part int NOT NULL, code nvarchar(20) NOT NULL,
    CONSTRAINT fk_parts FOREIGN KEY (part, code) REFERENCES dbo.parts (id, code) ON DELETE CASCADE)
"""


@pytest.fixture
def cursor(server: sa.Engine) -> Iterator[pyodbc.Cursor]:
    raw = server.raw_connection()
    connection: pyodbc.Connection = raw.driver_connection
    connection.autocommit = True
    connection.execute(TABLES)
    connection.execute("CREATE VIEW dbo.cheap AS SELECT id FROM dbo.parts WHERE price < 1")
    yield connection.cursor()
    raw.close()


def test_tables_and_views_are_listed(cursor: pyodbc.Cursor) -> None:
    found = [(row.table_schem, row.table_name, row.table_type) for row in cursor.tables(schema="dbo")]
    assert found == [("dbo", "parts", "TABLE"), ("dbo", "uses", "TABLE"), ("dbo", "cheap", "VIEW")]
    assert [row.table_name for row in cursor.tables(table="p%", tableType="TABLE")] == ["parts"]
    assert [row.table_name for row in cursor.tables(table="p_rts", schema="dbo", tableType="VIEW")] == []


def test_a_name_with_wildcards_escaped_means_itself(cursor: pyodbc.Cursor) -> None:
    cursor.execute("CREATE TABLE dbo.a_b (x int); CREATE TABLE dbo.axb (x int)")
    assert [row.table_name for row in cursor.tables(table=r"a\_b", schema="dbo")] == ["a_b"]


def test_columns_have_odbc_types(cursor: pyodbc.Cursor) -> None:
    rows = [
        (row.column_name, row.type_name, row.column_size, row.buffer_length, row.decimal_digits, row.nullable)
        for row in cursor.columns(table="parts")
    ]
    assert rows[:3] == [
        ("id", "int identity", 10, 4, 0, 0),
        ("code", "nvarchar", 20, 40, None, 0),
        ("price", "decimal", 10, 12, 2, 1),
    ]
    assert [row[0] for row in rows] == ["id", "code", "price", "made", "note", "stamp"]
    price = next(row for row in cursor.columns(table="parts", column="price"))
    assert (price.data_type, price.column_def, price.ordinal_position, price.is_nullable) == (3, "((0))", 3, "YES")


def test_keys_and_indexes(cursor: pyodbc.Cursor) -> None:
    keys = [(row.column_name, row.key_seq, row.pk_name) for row in cursor.primaryKeys(table="parts")]
    assert keys == [("id", 1, "pk_parts"), ("code", 2, "pk_parts")]
    foreign = [
        (
            row.pkcolumn_name,
            row.fktable_name,
            row.fkcolumn_name,
            row.key_seq,
            row.update_rule,
            row.delete_rule,
            row.fk_name,
        )
        for row in cursor.foreignKeys(table="parts")
    ]
    assert foreign == [("id", "uses", "part", 1, 1, 0, "fk_parts"), ("code", "uses", "code", 2, 1, 0, "fk_parts")]
    assert [row.pktable_name for row in cursor.foreignKeys(foreignTable="uses")] == ["parts", "parts"]
    indexes = [
        (row.non_unique, row.index_name, row.type, row.ordinal_position, row.column_name, row.asc_or_desc)
        for row in cursor.statistics(table="parts")
    ]
    assert indexes == [
        (None, None, 0, None, None, None),
        (0, "pk_parts", 1, 1, "id", "A"),
        (0, "pk_parts", 1, 2, "code", "A"),
        (0, "ix_price", 3, 1, "price", "D"),
    ]


def test_what_tells_a_row(cursor: pyodbc.Cursor) -> None:
    assert [row.column_name for row in cursor.rowIdColumns(table="parts")] == ["id", "code"]
    assert [row.column_name for row in cursor.rowVerColumns(table="parts")] == ["stamp"]


def test_types_are_listed_with_their_odbc_numbers(cursor: pyodbc.Cursor) -> None:
    types = {row.type_name: (row.data_type, row.column_size) for row in cursor.getTypeInfo()}
    assert types["int"] == (4, 10)
    assert types["nvarchar"] == (-9, 4000)
    assert types["datetime2"] == (93, 27)
    assert types["datetimeoffset"] == (-155, 34)


def test_databases_and_schemas_are_listed(cursor: pyodbc.Cursor) -> None:
    here = cursor.execute("SELECT DB_NAME()").fetchval()
    assert here in {row.table_cat for row in cursor.tables(catalog="%", schema="", table="")}
    assert here in {row[0] for row in cursor.execute("EXEC sp_databases").fetchall()}
    schemas = cursor.execute("EXEC sp_tables @table_name = '', @table_owner = '%', @table_qualifier = ''").fetchall()
    assert {"dbo", "sys", "INFORMATION_SCHEMA"} <= {row.TABLE_OWNER for row in schemas}


def test_procedures_take_arguments_by_name_and_position(cursor: pyodbc.Cursor) -> None:
    by_position = cursor.execute("EXEC sp_pkeys 'parts', 'dbo'").fetchall()
    by_name = cursor.execute("EXEC sys.sp_pkeys @table_owner = N'dbo', @table_name = parts").fetchall()
    assert [row.COLUMN_NAME for row in by_position] == [row.COLUMN_NAME for row in by_name] == ["id", "code"]
    made = [
        row
        for row in cursor.execute("EXEC sp_columns_100 N'parts', @ODBCVer = 3").fetchall()
        if row.COLUMN_NAME == "made"
    ]
    assert [
        (row.DATA_TYPE, row.PRECISION, row.LENGTH, row.SCALE, row.SQL_DATA_TYPE, row.SQL_DATETIME_SUB) for row in made
    ] == [(93, 23, 16, 3, 9, 3)]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("EXEC sp_pkeys", 201),
        ("EXEC sp_pkeys 'parts', @nope = 1", 8145),
        ("EXEC sp_pkeys 'parts', 'dbo', 'no_such_database'", 15250),
        ("EXEC sp_no_such_thing", 2812),
    ],
)
def test_wrong_calls_have_sql_servers_numbers(cursor: pyodbc.Cursor, text: str, number: int) -> None:
    with pytest.raises(pyodbc.Error, match=rf"\({number}\)"):
        cursor.execute(text)


def test_a_description_names_each_texts_collation(session: Session) -> None:
    session.run(
        "DROP TABLE IF EXISTS texts; CREATE TABLE texts (named varchar(9) COLLATE Latin1_General_CS_AS,"
        " wide varchar(9) COLLATE Latin1_General_100_CI_AS_SC_UTF8, number int)"
    )
    described = "sys.dm_exec_describe_first_result_set(N'SELECT named, wide, number FROM texts', NULL, 0)"
    assert session.rows(f"SELECT name, collation_name FROM {described} ORDER BY column_ordinal") == [
        ("named", "Latin1_General_CS_AS"),
        ("wide", "Latin1_General_100_CI_AS_SC_UTF8"),
        ("number", None),
    ]
