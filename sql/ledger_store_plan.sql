-- The plan, stored before the first row moves. Only a run that has none yet takes it.
UPDATE etl_run
SET plan_json = :plan_json, state = 'running'
WHERE run_id = :run_id AND state = 'planning'
