-- A new run, before anything is planned.
INSERT INTO etl_run (run_id, run_key, job_hash, job, mode, target_table, state, host, version, started_at)
VALUES (:run_id, :run_key, :job_hash, :job, :mode, :target_table, 'planning', :host, :version, :started_at)
