-- Staged rows whose key another staged row before them has.
SELECT numbered.etl_row
FROM (
    SELECT etl_row, ROW_NUMBER() OVER (PARTITION BY {key} ORDER BY etl_row) AS place FROM {stage}
) AS numbered
WHERE numbered.place > 1
