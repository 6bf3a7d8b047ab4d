-- Finds a slice of the rows that wait in a temporary table.
CREATE UNIQUE CLUSTERED INDEX etl_row ON {stage} (etl_row)
