-- The lowest rowversion that an open transaction may have given: all below it are committed or will never be.
SELECT {bound} AS upper_bound
