-- A long text as it comes back, and how many bytes of it the server has.
SELECT CAST(? AS nvarchar(max)) AS back, DATALENGTH(CAST(? AS nvarchar(max))) AS arrived
