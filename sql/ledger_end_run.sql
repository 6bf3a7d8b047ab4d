-- The run's state at its end: done, failed (it can be resumed) or abandoned (a new run was asked for instead).
UPDATE etl_run
SET state = :state, ended_at = :ended_at
WHERE run_id = :run_id AND state <> 'done'
