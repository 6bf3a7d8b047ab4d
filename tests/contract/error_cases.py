"""The errors that a loader meets: the statement, the number, the words, and what becomes of the transaction."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

SETUP = """
CREATE TABLE parent (
  id int NOT NULL CONSTRAINT pk_parent PRIMARY KEY, code varchar(10) NULL CONSTRAINT uq_parent UNIQUE, size int NULL);
CREATE TABLE child (
  id int IDENTITY NOT NULL CONSTRAINT pk_child PRIMARY KEY,
  parent_id int NULL CONSTRAINT fk_child REFERENCES parent (id), n int NULL CONSTRAINT ck_child CHECK (n > 0));
CREATE TABLE indexed (a int NULL, b varchar(5) NULL);
CREATE UNIQUE INDEX ux_indexed ON indexed (a, b);
CREATE TABLE twice (a int NULL);
CREATE TABLE typed (
  id int NOT NULL PRIMARY KEY, bt bit NULL, ti tinyint NULL, si smallint NULL, i int NULL, bi bigint NULL, d decimal(5,2) NULL,
  m money NULL, sm smallmoney NULL, f float NULL, r real NULL, v varchar(3) NULL, nv nvarchar(3) NULL, c char(3) NULL,
  b varbinary(3) NULL, da date NULL, tm time NULL, dt datetime NULL, sd smalldatetime NULL, d2 datetime2(3) NULL,
  o datetimeoffset NULL, g uniqueidentifier NULL, computed AS (id + 1), rv rowversion NOT NULL);
CREATE TABLE witness (n int NOT NULL);
INSERT INTO parent VALUES (1, 'a', 5), (2, NULL, 5), (3, 'c', NULL);
INSERT INTO child (parent_id, n) VALUES (1, 1);
INSERT INTO indexed VALUES (1, NULL), (1, 'x');
INSERT INTO twice VALUES (1), (1);
INSERT INTO typed (id, i, bi, v) VALUES (1, 2147483647, 9223372036854775807, 'abc'), (2, 0, 0, NULL)
"""
CONTENTS = """
SELECT * FROM parent ORDER BY id; SELECT * FROM child ORDER BY id; SELECT * FROM indexed ORDER BY a, b; SELECT * FROM twice;
SELECT * FROM witness; SELECT COUNT(*) FROM sys.columns WHERE object_id IN (SELECT object_id FROM sys.tables);
SELECT id, bt, ti, si, i, bi, d, m, sm, f, r, v, nv, c, b, da, tm, dt, sd, d2, CAST(o AS varchar(40)), g, computed, rv
FROM typed ORDER BY id
"""


class Effect(Enum):
    """What an error leaves of the transaction with XACT_ABORT OFF."""

    STATEMENT = auto()
    """The statement alone is taken back; with XACT_ABORT ON the transaction is."""
    BATCH = auto()
    """The batch ends and the transaction is rolled back, whatever XACT_ABORT says."""
    COMPILE = auto()
    """Nothing ran. "Compile errors, such as syntax errors, are not affected by SET XACT_ABORT.\""""
    UNCERTAIN = auto()
    """The documentation does not say; only number and data are asserted."""


@dataclass(frozen=True, slots=True)
class ErrorCase:
    """One statement that fails over the tables above."""

    sql: str
    number: int
    effect: Effect = Effect.STATEMENT
    words: str = ""
    """A part of the message; `{database}` stands for the database's name."""

    def __str__(self) -> str:
        return f"{self.number}: {self.sql}"

    @property
    def kind(self) -> tuple[int, str]:
        """What errors of one kind have in common: the number and the statement's verb."""
        return self.number, self.sql.split()[0]


def stores(
    column: str, literal: str, number: int, effect: Effect = Effect.STATEMENT, words: str = ""
) -> list[ErrorCase]:
    """The value does not go into the column: as VALUES, as a SELECT's column, and by UPDATE."""
    return [
        ErrorCase(sql, number, effect, words)
        for sql in (
            f"INSERT INTO typed (id, {column}) VALUES (9, {literal})",
            f"INSERT INTO typed (id, {column}) SELECT 8, NULL UNION ALL SELECT 9, {literal}",
            f"UPDATE typed SET {column} = {literal} WHERE id = 1",
        )
    ]


SQLSTATES = {
    **dict.fromkeys((109, 110, 213), "21S01"),
    512: "21000",
    **dict.fromkeys((241, 242, 295, 517), "22007"),
    8134: "22012",
    **dict.fromkeys((235, 245), "22018"),
    **dict.fromkeys((273, 515, 544, 547, 1505, 2601, 2627, 3726, 4712), "23000"),
    2714: "42S01",
    **dict.fromkeys((208, 3701), "42S02"),
    1913: "42S11",
    **dict.fromkeys((207, 4924), "42S22"),
    **dict.fromkeys((220, 232, 236, 244, 248, 8115), "HY019"),
}
"""The SQLSTATEs that FreeTDS 1.3 knows for SQL Server's numbers; every other is 42000."""

OVERFLOWS = [
    *stores("ti", "256", 220, words="Arithmetic overflow error for data type tinyint, value = 256."),
    *stores("ti", "-1", 220),
    *stores("si", "32768", 220, words="Arithmetic overflow error for data type smallint, value = 32768."),
    *stores("si", "-32769", 220),
    *stores("i", "2147483648", 8115, words="to data type int."),
    *stores("i", "CAST(-2147483649 AS bigint)", 8115, words="to data type int."),
    *stores("bi", "9223372036854775808", 8115, words="to data type bigint."),
    *stores("bi", "9.3e18", 8115, words="to data type bigint."),
    *stores("ti", "12345.12e0", 232, words="Arithmetic overflow error for type tinyint, value = 12345.120000."),
    *stores("si", "-4e4", 232, words="Arithmetic overflow error for type smallint, value = -40000.000000."),
    *stores("i", "3e10", 232, words="Arithmetic overflow error for type int, value = 30000000000.000000."),
    *stores("d", "1000", 8115, words="Arithmetic overflow error converting int to data type numeric."),
    *stores("d", "999.995", 8115, words="Arithmetic overflow error converting numeric to data type numeric."),
    *stores("d", "1e3", 8115, words="Arithmetic overflow error converting float to data type numeric."),
    *stores("d", "'1000.00'", 8115, words="Arithmetic overflow error converting varchar to data type numeric."),
    *stores("m", "922337203685477.5808", 8115, words="to data type money."),
    *stores("sm", "214748.3648", 8115, words="to data type smallmoney."),
    *stores("i", "i + 1", 8115)[2:],
    *stores(
        "i",
        "'2147483648'",
        248,
        Effect.UNCERTAIN,
        "The conversion of the varchar value '2147483648' overflowed an int column.",
    ),
    *stores("si", "'32768'", 244, Effect.UNCERTAIN, "overflowed an INT2 column. Use a larger integer column."),
    *stores("ti", "'256'", 244, Effect.UNCERTAIN, "overflowed an INT1 column. Use a larger integer column."),
]

CONVERSIONS = [
    *stores(
        "i", "'1x'", 245, Effect.BATCH, "Conversion failed when converting the varchar value '1x' to data type int."
    ),
    *stores(
        "i", "N'1x'", 245, Effect.BATCH, "Conversion failed when converting the nvarchar value '1x' to data type int."
    ),
    *stores("i", "'1.5'", 245, Effect.BATCH),
    *stores(
        "bt", "'yes'", 245, Effect.BATCH, "Conversion failed when converting the varchar value 'yes' to data type bit."
    ),
    *stores("bi", "'1x'", 8114, Effect.BATCH, "Error converting data type varchar to bigint."),
    *stores("d", "'1x'", 8114, Effect.BATCH, "Error converting data type varchar to numeric."),
    *stores("f", "N'1x'", 8114, Effect.BATCH, "Error converting data type nvarchar to float."),
    *stores("r", "'1x'", 8114, Effect.BATCH, "Error converting data type varchar to real."),
    *stores("m", "'1e15'", 235, Effect.UNCERTAIN),
    *stores("m", "'922337203685477.5808'", 236, Effect.UNCERTAIN, "resulted in a money overflow error."),
    *stores(
        "sm",
        "'1x'",
        293,
        Effect.UNCERTAIN,
        "Cannot convert char value to smallmoney. The char value has incorrect syntax.",
    ),
    *stores(
        "sm",
        "'1000000.00'",
        294,
        Effect.UNCERTAIN,
        "The conversion from char data type to smallmoney data type resulted in a smallmoney overflow error.",
    ),
    *stores(
        "m", "'1x'", 235, Effect.UNCERTAIN, "Cannot convert a char value to money. The char value has incorrect syntax."
    ),
    *stores(
        "g",
        "'1x'",
        8169,
        Effect.BATCH,
        "Conversion failed when converting from a character string to uniqueidentifier.",
    ),
    *stores(
        "dt", "'1x'", 241, Effect.BATCH, "Conversion failed when converting date and/or time from character string."
    ),
    *stores("d2", "'1x'", 241, Effect.BATCH),
    *stores("da", "'2024-02-30'", 241, Effect.BATCH),
    *stores("tm", "'25:00:00'", 241, Effect.BATCH),
    *stores("o", "'2024-01-01 00:00:00 +15:00'", 241, Effect.BATCH),
    *stores(
        "sd",
        "'1x'",
        295,
        Effect.BATCH,
        "Conversion failed when converting character string to smalldatetime data type.",
    ),
    *stores(
        "dt",
        "'2024-02-30'",
        242,
        words="The conversion of a varchar data type to a datetime data type resulted in an out-of-range value.",
    ),
    *stores("dt", "'1752-12-31'", 242),
    *stores(
        "dt",
        "CAST('1752-12-31' AS datetime2)",
        242,
        words="The conversion of a datetime2 data type to a datetime data type resulted in an out-of-range value.",
    ),
    *stores(
        "sd",
        "CAST('2079-06-06T23:59:30' AS datetime)",
        242,
        words="The conversion of a datetime data type to a smalldatetime data type resulted in an out-of-range value.",
    ),
]

LENGTHS = [
    *stores("v", "'abcd'", 2628, words="table '{database}.dbo.typed', column 'v'. Truncated value: 'abc'."),
    *stores("v", "N'äöü€'", 2628, words="table '{database}.dbo.typed', column 'v'. Truncated value: 'äöü'."),
    *stores("nv", "N'ab😀'", 2628, words="table '{database}.dbo.typed', column 'nv'."),
    *stores("c", "'abcd'", 2628, words="table '{database}.dbo.typed', column 'c'. Truncated value: 'abc'."),
    *stores("b", "0x01020304", 2628, words="table '{database}.dbo.typed', column 'b'."),
]

KEYS = [
    ErrorCase(
        "INSERT INTO parent (id, code) VALUES (7, 'x'), (1, 'y')",
        2627,
        words="Violation of PRIMARY KEY constraint 'pk_parent'. Cannot insert duplicate key in object 'dbo.parent'. The"
        " duplicate key value is (1).",
    ),
    ErrorCase(
        "INSERT INTO parent (id, code) VALUES (7, 'x'), (8, 'A')",
        2627,
        words="Violation of UNIQUE KEY constraint 'uq_parent'. Cannot insert duplicate key in object 'dbo.parent'. The"
        " duplicate key value is (A).",
    ),
    ErrorCase("UPDATE parent SET id = 3 WHERE id = 2", 2627),
    ErrorCase("UPDATE parent SET code = 'a' WHERE id = 3", 2627),
    # To SQL Server two NULLs are the same key.
    ErrorCase("INSERT INTO parent (id, code) VALUES (7, NULL)", 2627, words="The duplicate key value is (<NULL>)."),
    ErrorCase(
        "INSERT INTO indexed VALUES (1, 'X')",
        2601,
        words="Cannot insert duplicate key row in object 'dbo.indexed' with unique index 'ux_indexed'. The duplicate key"
        " value is (1, X).",
    ),
    ErrorCase("INSERT INTO indexed VALUES (1, NULL)", 2601, words="The duplicate key value is (1, <NULL>)."),
    ErrorCase(
        "INSERT INTO parent (id) VALUES (NULL)",
        515,
        words="Cannot insert the value NULL into column 'id', table '{database}.dbo.parent'; column does not allow nulls."
        " INSERT fails.",
    ),
    ErrorCase("INSERT INTO parent (code) VALUES ('z')", 515, words="INSERT fails."),
    ErrorCase("INSERT INTO parent (id) SELECT size FROM parent WHERE id = 3", 515, words="INSERT fails."),
    ErrorCase("UPDATE witness SET n = NULL; UPDATE typed SET id = NULL", 515, words="UPDATE fails."),
    ErrorCase(
        "INSERT INTO child (parent_id) VALUES (1), (99)",
        547,
        words='The INSERT statement conflicted with the FOREIGN KEY constraint "fk_child". The conflict occurred in database'
        ' "{database}", table "dbo.parent", column \'id\'.',
    ),
    ErrorCase(
        "UPDATE child SET parent_id = 99",
        547,
        words='The UPDATE statement conflicted with the FOREIGN KEY constraint "fk_child".',
    ),
    ErrorCase(
        "DELETE FROM parent WHERE id = 1",
        547,
        words='The DELETE statement conflicted with the REFERENCE constraint "fk_child". The conflict occurred in database'
        ' "{database}", table "dbo.child", column \'parent_id\'.',
    ),
    ErrorCase(
        "UPDATE parent SET id = 50 WHERE id = 1",
        547,
        words='The UPDATE statement conflicted with the REFERENCE constraint "fk_child".',
    ),
    ErrorCase(
        "INSERT INTO child (n) VALUES (0)",
        547,
        words='The INSERT statement conflicted with the CHECK constraint "ck_child". The conflict occurred in database'
        ' "{database}", table "dbo.child", column \'n\'.',
    ),
    ErrorCase(
        "UPDATE child SET n = -1", 547, words='The UPDATE statement conflicted with the CHECK constraint "ck_child".'
    ),
]

IDENTITIES = [
    ErrorCase(
        "INSERT INTO child (id, n) VALUES (9, 1)",
        544,
        effect=Effect.UNCERTAIN,
        words="Cannot insert explicit value for identity column in table 'child' when IDENTITY_INSERT is set to OFF.",
    ),
    ErrorCase("UPDATE child SET id = 9", 8102, effect=Effect.COMPILE, words="Cannot update identity column 'id'."),
    ErrorCase(
        "SET IDENTITY_INSERT parent ON",
        8106,
        effect=Effect.UNCERTAIN,
        words="Table 'parent' does not have the identity property. Cannot perform SET operation.",
    ),
    ErrorCase(
        "INSERT INTO typed (id, computed) VALUES (9, 1)",
        271,
        effect=Effect.COMPILE,
        words='The column "computed" cannot be modified because it is either a computed column or is the result of a UNION'
        " operator.",
    ),
    ErrorCase("UPDATE typed SET computed = 1", 271, effect=Effect.COMPILE),
    ErrorCase(
        "INSERT INTO typed (id, rv) VALUES (9, 0x01)",
        273,
        effect=Effect.COMPILE,
        words="Cannot insert an explicit value into a timestamp column.",
    ),
    ErrorCase("UPDATE typed SET rv = 0x01", 272, effect=Effect.COMPILE, words="Cannot update a timestamp column."),
]

NAMES = [
    ErrorCase("SELECT * FROM nowhere", 208, effect=Effect.UNCERTAIN, words="Invalid object name 'nowhere'."),
    ErrorCase(
        "INSERT INTO dbo.nowhere VALUES (1)", 208, effect=Effect.UNCERTAIN, words="Invalid object name 'dbo.nowhere'."
    ),
    ErrorCase("SELECT nothing FROM parent", 207, effect=Effect.COMPILE, words="Invalid column name 'nothing'."),
    ErrorCase("INSERT INTO parent (id, nothing) VALUES (9, 1)", 207, effect=Effect.COMPILE),
    ErrorCase("UPDATE parent SET nothing = 1", 207, effect=Effect.COMPILE),
    ErrorCase("SELECT p.nothing FROM parent AS p", 207, effect=Effect.COMPILE),
    ErrorCase(
        "SELECT q.id FROM parent AS p",
        4104,
        effect=Effect.COMPILE,
        words='The multi-part identifier "q.id" could not be bound.',
    ),
    ErrorCase(
        "SELECT id FROM parent AS p, child AS c", 209, effect=Effect.COMPILE, words="Ambiguous column name 'id'."
    ),
    ErrorCase(
        "INSERT INTO parent VALUES (9)",
        213,
        effect=Effect.COMPILE,
        words="Column name or number of supplied values does not match table definition.",
    ),
    ErrorCase(
        "INSERT INTO parent (id, code) VALUES (9, 'x', 1)",
        110,
        effect=Effect.COMPILE,
        words="There are fewer columns in the INSERT statement than values specified in the VALUES clause. The number of"
        " values in the VALUES clause must match the number of columns specified in the INSERT statement.",
    ),
    ErrorCase(
        "INSERT INTO parent (id, code) VALUES (9)",
        109,
        effect=Effect.COMPILE,
        words="There are more columns in the INSERT statement than values specified in the VALUES clause. The number of"
        " values in the VALUES clause must match the number of columns specified in the INSERT statement.",
    ),
    ErrorCase("INSERT INTO parent (id, code) SELECT 9", 120, effect=Effect.COMPILE),
    ErrorCase("INSERT INTO parent (id) SELECT 9, 'x'", 121, effect=Effect.COMPILE),
    ErrorCase("INSERT INTO parent (id, id) VALUES (9, 9)", 264, effect=Effect.COMPILE),
    ErrorCase("SELECT id, COUNT(*) FROM parent", 8120, effect=Effect.COMPILE),
    ErrorCase("SELECT @missing", 137, effect=Effect.COMPILE, words='Must declare the scalar variable "@missing".'),
    ErrorCase("SELECT FROM parent", 156, effect=Effect.COMPILE, words="Incorrect syntax near the keyword 'FROM'."),
    ErrorCase("SELECT (1", 102, effect=Effect.COMPILE),
    ErrorCase("EXEC nowhere", 2812, effect=Effect.UNCERTAIN, words="Could not find stored procedure 'nowhere'."),
]

EVALUATION = [
    ErrorCase("SELECT 1 / size FROM (SELECT 0 AS size) AS x", 8134, words="Divide by zero error encountered."),
    ErrorCase("UPDATE parent SET size = 1 / (size - 5)", 8134),
    ErrorCase("INSERT INTO witness SELECT 1 / (id - 3) FROM parent", 8134),
    ErrorCase("SELECT 1 % (id - 1) FROM parent", 8134),
    ErrorCase(
        "SELECT (SELECT id FROM parent)",
        512,
        words="Subquery returned more than 1 value. This is not permitted when the subquery follows =, !=, <, <= , >, >= or"
        " when the subquery is used as an expression.",
    ),
    ErrorCase("UPDATE typed SET i = (SELECT id FROM parent)", 512),
    ErrorCase("SELECT SUM(i) FROM (VALUES (2147483647), (1)) AS x(i)", 8115, words="to data type int."),
    ErrorCase(
        "SELECT i + 1 FROM typed", 8115, words="Arithmetic overflow error converting expression to data type int."
    ),
    ErrorCase("SELECT CAST(1e10 AS int)", 232, effect=Effect.UNCERTAIN),
    ErrorCase("SELECT DATEADD(day, 1, CAST('9999-12-31' AS date))", 517),
    ErrorCase(
        "SELECT SQRT(-1e0)", 3623, effect=Effect.UNCERTAIN, words="An invalid floating point operation occurred."
    ),
]

DEFINITIONS = [
    ErrorCase(
        "CREATE TABLE parent (a int)",
        2714,
        effect=Effect.UNCERTAIN,
        words="There is already an object named 'parent' in the database.",
    ),
    ErrorCase(
        "DROP TABLE nowhere",
        3701,
        words="Cannot drop the table 'nowhere', because it does not exist or you do not have permission.",
    ),
    ErrorCase(
        "DROP TABLE parent",
        3726,
        words="Could not drop object 'parent' because it is referenced by a FOREIGN KEY constraint.",
    ),
    ErrorCase(
        "TRUNCATE TABLE parent",
        4712,
        effect=Effect.UNCERTAIN,
        words="Cannot truncate table 'parent' because it is being referenced by a FOREIGN KEY constraint.",
    ),
    ErrorCase("TRUNCATE TABLE nowhere", 4701, effect=Effect.UNCERTAIN),
    ErrorCase(
        "CREATE UNIQUE INDEX ux ON twice (a)",
        1505,
        effect=Effect.UNCERTAIN,
        words="The CREATE UNIQUE INDEX statement terminated because a duplicate key was found for the object name 'dbo.twice'"
        " and the index name 'ux'. The duplicate key value is (1).",
    ),
    ErrorCase("CREATE UNIQUE INDEX ux_indexed ON indexed (a)", 1913, effect=Effect.UNCERTAIN),
    ErrorCase("CREATE TABLE made (a int, A int)", 2705, effect=Effect.UNCERTAIN),
    ErrorCase("CREATE TABLE made (a int REFERENCES nowhere (a))", 1767, effect=Effect.UNCERTAIN),
    ErrorCase("CREATE TABLE made (a int REFERENCES indexed (a))", 1776, effect=Effect.UNCERTAIN),
    ErrorCase("CREATE TABLE made (a bigint REFERENCES parent (id))", 1778, effect=Effect.UNCERTAIN),
    ErrorCase("CREATE TABLE made (a int NULL PRIMARY KEY)", 8111, effect=Effect.UNCERTAIN),
    ErrorCase("CREATE TABLE made (a nothing)", 2715, effect=Effect.UNCERTAIN),
    ErrorCase("ALTER TABLE nowhere ADD a int", 4902, effect=Effect.UNCERTAIN),
    ErrorCase("ALTER TABLE parent ADD id int", 2705, effect=Effect.UNCERTAIN),
    ErrorCase("ALTER TABLE parent ADD filled int NOT NULL", 4901, effect=Effect.UNCERTAIN),
    ErrorCase("ALTER TABLE parent DROP COLUMN nothing", 4924, effect=Effect.UNCERTAIN),
    ErrorCase("ALTER TABLE parent DROP COLUMN id", 5074, effect=Effect.UNCERTAIN),
    ErrorCase("ALTER TABLE parent DROP CONSTRAINT nothing", 3728, effect=Effect.UNCERTAIN),
    ErrorCase("ALTER TABLE parent ADD PRIMARY KEY (code)", 1779, effect=Effect.UNCERTAIN),
    ErrorCase("ALTER TABLE parent ALTER COLUMN size int NOT NULL", 515, effect=Effect.UNCERTAIN),
    ErrorCase(
        "ALTER TABLE child ADD CONSTRAINT ck2 CHECK (n > 1)",
        547,
        words='The ALTER TABLE statement conflicted with the CHECK constraint "ck2".',
        effect=Effect.UNCERTAIN,
    ),
    ErrorCase("CREATE SCHEMA dbo", 2714, effect=Effect.UNCERTAIN),
]

CASES = [*OVERFLOWS, *CONVERSIONS, *LENGTHS, *KEYS, *IDENTITIES, *NAMES, *EVALUATION, *DEFINITIONS]
ABORTING = list({case.kind: case for case in CASES}.values())
"""One case a kind, for what XACT_ABORT ON adds."""
