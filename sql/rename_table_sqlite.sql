-- Inside the transaction that dropped the old table.
ALTER TABLE {table} RENAME TO {new_name}
