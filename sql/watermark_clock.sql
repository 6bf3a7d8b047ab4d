-- The server's clock, some seconds ago, in the type of the watermark.
SELECT {bound} AS upper_bound
