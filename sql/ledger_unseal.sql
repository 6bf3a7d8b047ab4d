-- First statement of the transaction that takes a chunk back. It must affect exactly one row, as the seal did.
UPDATE etl_chunk
SET state = 'undone'
WHERE run_id = :run_id AND chunk_no = :chunk_no AND state = 'done'
