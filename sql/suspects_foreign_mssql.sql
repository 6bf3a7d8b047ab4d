-- Staged rows that refer to what is not there. What others have locked is passed over.
SELECT staged.etl_row FROM {stage} AS staged
WHERE {given} AND NOT EXISTS (SELECT 1 FROM {table} AS there WITH (READPAST) WHERE {same})
