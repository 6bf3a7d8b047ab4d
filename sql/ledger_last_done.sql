-- The latest completed run of a job: its upper bound is the next lower one.
SELECT run_id, state
FROM etl_run
WHERE job_hash = :job_hash AND state = 'done'
ORDER BY ended_at DESC, started_at DESC, run_id DESC
