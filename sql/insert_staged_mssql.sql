-- A slice of the rows that wait in a temporary table, into the target.
INSERT INTO {table} ({columns}) SELECT {columns} FROM {stage} WHERE etl_row BETWEEN ? AND ?
