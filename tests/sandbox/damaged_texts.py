"""Damaged T-SQL: texts that are nearly right, made of right ones."""

from __future__ import annotations

import re
from random import Random

from tests.sandbox.mutation import WORDS

TABLE = (
    "IF OBJECT_ID(N'dbo.t') IS NULL CREATE TABLE dbo.t (k int NOT NULL PRIMARY KEY, v nvarchar(100) NULL,"
    " d decimal(10, 2) NULL, b varbinary(20) NULL)"
)
TEXTS = (
    "INSERT INTO dbo.t (k, v) VALUES (1, N'é'), (2, NULL); SELECT k, v, COUNT(*) OVER () AS n FROM dbo.t ORDER BY k DESC",
    "SELECT a.k, b.v FROM dbo.t a JOIN dbo.t AS b ON a.k = b.k LEFT JOIN (SELECT k FROM dbo.t) c ON c.k = a.k"
    " WHERE a.k IN (SELECT k FROM dbo.t) AND EXISTS (SELECT 1 FROM dbo.t)",
    "INSERT INTO dbo.t (k, v) OUTPUT inserted.k SELECT k + 100, CONVERT(nvarchar(10), k, 120) FROM dbo.t"
    " WHERE v LIKE N'%[a-z]_' ESCAPE '\\'",
    "UPDATE t SET v = s.v + N'x', d = 7 / 2 FROM dbo.t AS t JOIN dbo.t s ON s.k = t.k WHERE t.k BETWEEN 1 AND 5",
    "DELETE TOP (1) FROM dbo.t OUTPUT deleted.k WHERE k = 2; SELECT @@ROWCOUNT, @@ERROR, @@TRANCOUNT; SELECT 1 / 0",
    "ALTER TABLE dbo.t ADD x int NULL CONSTRAINT df DEFAULT (3) WITH VALUES; ALTER TABLE dbo.t DROP CONSTRAINT df;"
    " ALTER TABLE dbo.t DROP COLUMN x; EXEC sp_rename N'dbo.t.v', N'w', N'COLUMN'",
    "CREATE UNIQUE INDEX ix ON dbo.t (v DESC, k) INCLUDE (d) WHERE v IS NOT NULL; DROP INDEX ix ON dbo.t",
    "CREATE TABLE #t (a int IDENTITY(1, 2), b varchar(10) COLLATE Latin1_General_CS_AS DEFAULT 'x', c AS (a + 1),"
    " CONSTRAINT fk FOREIGN KEY (a) REFERENCES dbo.t (k), CHECK (a > 0)); DROP TABLE IF EXISTS #t",
    "SELECT ROW_NUMBER() OVER (PARTITION BY v ORDER BY k) AS n, SUM(d) OVER (ORDER BY k ROWS BETWEEN 1 PRECEDING AND"
    " CURRENT ROW) FROM dbo.t GROUP BY k, v, d HAVING COUNT(DISTINCT k) > 0 ORDER BY 1 OFFSET 1 ROWS FETCH NEXT 2 ROWS ONLY",
    "SELECT DATEADD(day, 1, GETDATE()), DATEDIFF(hour, '2020-01-01', '2021-01-01'), HASHBYTES('SHA2_256', v),"
    " SUBSTRING(v, 1, 2), ISNULL(v, N''), IIF(k > 1, 1, 2), TRY_CAST(v AS int), CAST(1.5 AS money) FROM dbo.t",
    "DECLARE @a int = 1, @b nvarchar(20) = N'x'; SET @a = @a + 1; IF @a = 2 PRINT 'x' ELSE BEGIN SELECT 3; RETURN END;"
    " EXEC sp_executesql N'SELECT @p', N'@p int', @p = @a; EXEC (N'SELECT 1')",
    "WITH c AS (SELECT k FROM dbo.t) SELECT TOP (50) PERCENT WITH TIES k, CASE WHEN k = 1 THEN 'a' END FROM c ORDER BY k",
    "SELECT * FROM OPENJSON(N'[{\"a\": 1}]') WITH (a int '$.a'); SELECT * FROM (VALUES (1, 'a'), (2, 'b')) v(n, t)",
    "CREATE TRIGGER dbo.tr ON dbo.t AFTER INSERT, UPDATE AS BEGIN SET NOCOUNT ON; UPDATE dbo.t SET d = 1 FROM inserted i"
    " WHERE i.k = dbo.t.k END",
    "DROP TRIGGER IF EXISTS dbo.tr; DROP VIEW IF EXISTS dbo.w; TRUNCATE TABLE dbo.t",
    "CREATE VIEW dbo.w AS SELECT k, v FROM dbo.t UNION ALL SELECT k, v FROM dbo.t WHERE v IS NULL",
    "GRANT SELECT ON dbo.t TO public; DENY UPDATE ON SCHEMA::dbo TO public; REVOKE SELECT ON OBJECT::dbo.t FROM public",
    "INSERT BULK dbo.t (k int, v nvarchar(20)) WITH (TABLOCK, KEEP_NULLS)",
    "SET TEXTSIZE 100; SET LOCK_TIMEOUT 10; SET TRANSACTION ISOLATION LEVEL SNAPSHOT; SET XACT_ABORT ON; SET NOCOUNT ON",
    "BEGIN TRANSACTION; SAVE TRAN s; ROLLBACK TRAN s; COMMIT; THROW 50001, 'x', 1; RAISERROR(N'%d %s', 16, 1, 5, N'x')",
    "EXEC sp_columns @table_name = N't'; EXEC sp_pkeys N't'; EXEC sp_datatype_info 4; USE master; USE sandbox",
    "SELECT c.name, t.name FROM sys.columns c JOIN sys.types t ON c.user_type_id = t.user_type_id; WAITFOR DELAY '00:00:00'",
)
_PIECES = re.compile(r"\s+|\w+|.", re.DOTALL)


def damaged_text(random: Random) -> str:
    """One of the texts with one to three changes: pieces deleted, inserted, exchanged or repeated."""
    pieces = _PIECES.findall(random.choice(TEXTS))
    other = _PIECES.findall(random.choice(TEXTS))
    for _ in range(random.choice((1, 1, 2, 3))):
        at = random.randrange(len(pieces) + 1)
        from_ = random.randrange(len(other))
        match random.randrange(5):
            case 0:
                del pieces[at : at + random.choice((1, 1, 2, 4))]
            case 1:
                pieces[at:at] = [" ", random.choice(WORDS), " "]
            case 2:
                pieces[at : at + random.choice((0, 1))] = [random.choice(other)]
            case 3:
                pieces[at:at] = pieces[max(0, at - 4) : at]
            case _:
                pieces[at:at] = other[from_ : from_ + random.choice((2, 5, 9))]
    return "".join(pieces)
