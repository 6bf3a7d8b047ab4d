-- Every database and the kilobytes that its tables and indexes take.
CREATE PROCEDURE sp_databases
AS
SELECT CONVERT(sysname, name) AS DATABASE_NAME, CONVERT(int, kilobytes) AS DATABASE_SIZE, CONVERT(varchar(254), NULL) AS REMARKS
FROM sys.spt_database_sizes ORDER BY 1
