-- A text as it comes back, and its bytes as the server has them.
SELECT CAST(? AS nvarchar(4000)) AS back, CAST(CAST(? AS nvarchar(4000)) AS varbinary(8000)) AS stored
