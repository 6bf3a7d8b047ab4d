"""Speed, side by side in one run: `python -m tests.benchmarks` (`--help`), or `make bench`.

A case is a module in `cases`: it says its group and its name, and its `prepare` gives the function that is timed. Each run
of a case is a client process of its own; the sandbox is another, with PostgreSQL's processes below it, so that the CPU time
of the client, of the server and of the engine are told apart. Repeats go round the cases, so that a disturbance hits all of
them alike.
"""
