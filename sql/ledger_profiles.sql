-- What the committed chunks of a run have read and written.
SELECT profiles
FROM etl_chunk{skip_locked}
WHERE run_id = :run_id AND state = 'done'
