-- Staged rows whose key the table has. What others have locked is passed over.
SELECT staged.etl_row FROM {stage} AS staged WHERE EXISTS (SELECT 1 FROM {table} AS there WITH (READPAST) WHERE {same})
