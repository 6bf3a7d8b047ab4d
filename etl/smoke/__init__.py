"""`etl smoke`: does everything that a copy depends on work against this server? A table of every type, there and back."""
