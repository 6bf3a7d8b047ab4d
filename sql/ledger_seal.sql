-- Last statement of a chunk's transaction. It must affect exactly one row: none means that the server rolled back underneath.
UPDATE etl_chunk
SET
    state = 'done', rows_read = :rows_read, rows_written = :rows_written, rows_rejected = :rows_rejected,
    seconds = :seconds,
    extract_sec = :extract_sec, transform_sec = :transform_sec, wait_sec = :wait_sec, load_sec = :load_sec,
    cpu_sec = :cpu_sec, route = :route, profiles = :profiles, ended_at = :ended_at
WHERE run_id = :run_id AND chunk_no = :chunk_no AND state = 'claimed'
