-- The schemas of smoke tests.
SELECT name FROM sys.schemas WHERE LEFT(name, LEN(:prefix)) = :prefix
