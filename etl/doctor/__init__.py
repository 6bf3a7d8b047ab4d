"""`etl doctor`: the way to a server, step by step: what is there, what it means, and what to do where something is missing."""
