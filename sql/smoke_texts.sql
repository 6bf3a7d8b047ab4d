-- What the server has made of texts in a column of a code page, as UTF-16.
SELECT {key}, CONVERT(nvarchar(4000), {column}) FROM {table} WHERE {key} >= ?
