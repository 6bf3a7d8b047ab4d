-- Staged rows for which a CHECK constraint's condition is false; unknown is no refusal.
SELECT etl_row FROM {stage} WHERE NOT ({condition})
