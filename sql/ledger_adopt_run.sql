-- An unfinished run is taken up under another key.
UPDATE etl_run
SET run_key = :run_key
WHERE run_id = :run_id
