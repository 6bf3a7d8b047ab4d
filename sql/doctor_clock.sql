-- The server's clock.
SELECT SYSUTCDATETIME()
