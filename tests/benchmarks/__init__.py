"""Speed, side by side in one run: `python -m tests.benchmarks` (`--help`), or `make bench`.

A case is a module in `cases`: it says its group and its name, and its `prepare` gives the function that is timed. What the
cases move is a module in `datasets`. Each run of a case is a client process of its own; the sandbox is another, with
PostgreSQL's processes below it, so that the CPU time of the client, of the server and of the engine are told apart; `--url`
names another server instead. Repeats go round the cases, so that a disturbance hits all of them alike. What a case wrote or
read in its first run is compared with what was there, value by value: a tool that is fast because it loses digits is told.

`python -m tests.benchmarks.scale` copies a table and one ten times as long and compares their memory and speed.
"""
