-- The rows that one chunk of a run brought.
DELETE FROM {table} WHERE {run} = ? AND {chunk} = ?
