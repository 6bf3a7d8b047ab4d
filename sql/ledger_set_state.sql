-- A run's state, whatever it was: for undoing, which starts from any of them.
UPDATE etl_run
SET state = :state, ended_at = :ended_at
WHERE run_id = :run_id
