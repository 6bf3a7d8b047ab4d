-- A text as it is sent, UTF-16, into a column of a code page.
INSERT INTO {table} ({key}, {column}) VALUES (?, ?)
