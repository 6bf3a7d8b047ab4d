-- How many runs the ledger has, and how many of them went into schemas of smoke tests.
SELECT COUNT(*) AS total, COUNT(CASE WHEN LEFT(target_table, LEN(:prefix)) = :prefix THEN 1 END) AS smokes
FROM etl_run
