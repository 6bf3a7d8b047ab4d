-- One run by its id.
SELECT run_id, run_key, job_hash, job, mode, target_table, plan_json, state, host, version, started_at, ended_at
FROM etl_run
WHERE run_id = :run_id
