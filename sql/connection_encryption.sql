-- Whether this connection is encrypted, and where its client is, as the server sees it.
SELECT CAST(encrypt_option AS nvarchar(40)) AS encrypt_option, CAST(client_net_address AS nvarchar(48)) AS client_net_address
FROM sys.dm_exec_connections
WHERE session_id = @@SPID
