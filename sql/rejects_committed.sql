-- How many rows the committed chunks of a run have set aside.
SELECT SUM(rows_rejected) FROM etl_chunk{skip_locked}
WHERE run_id = :run_id AND state = 'done'
