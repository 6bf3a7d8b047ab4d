"""A function on a list of inputs: every result is stored as it comes, with its input, and what is stored is not run again."""
