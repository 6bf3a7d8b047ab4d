-- Where the server cuts long values off.
SELECT @@TEXTSIZE
