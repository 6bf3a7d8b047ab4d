-- The run's last word: done, or failed (which a resume turns into running again).
UPDATE etl_run
SET state = :state, ended_at = :ended_at
WHERE run_id = :run_id AND state <> 'done'
