-- First statement of a chunk's transaction. The primary key (run_id, chunk_no) lets one transaction claim a chunk; another waits.
INSERT INTO etl_chunk (run_id, chunk_no, state, attempt, worker, started_at)
VALUES (:run_id, :chunk_no, 'claimed', :attempt, :worker, :started_at)
