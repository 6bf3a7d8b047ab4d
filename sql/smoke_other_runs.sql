-- How many runs are left in the ledger; nobody adds one until the transaction ends.
SELECT COUNT(*) FROM etl_run WITH (TABLOCKX, HOLDLOCK)
