-- Inside the transaction that dropped the old table. The first name is quoted, the second is taken as it is.
EXEC sp_rename @objname = ?, @newname = ?, @objtype = 'OBJECT'
