"""One module a case, see `case.Case`. A new file is a new line in the table."""
