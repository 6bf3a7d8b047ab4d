-- What a session was told, as the server has it.
SELECT @@TEXTSIZE AS text_size, @@LOCK_TIMEOUT AS lock_timeout, transaction_isolation_level
FROM sys.dm_exec_sessions
WHERE session_id = @@SPID
