"""Lets things go wrong for as long as one likes.

    python -m tests.soak messages --count 100000 --seed 1
    python -m tests.soak faults --count 1200 --seed 1 --report soak-report.json
    python -m tests.soak names --count 10000 --seed 1
    python -m tests.soak passwords --count 10000 --seed 1
    python -m tests.soak sweep --count 10000 --seed 1

`messages` sends a sandbox damaged messages (`soak_messages`). `faults` kills, cuts and fails whatever is under way while jobs
run, and compares source and target after each (`soak_faults`). `names` takes tables with bad names through every way that rows
go (`soak_names`). `passwords` connects by odd ones (`soak_passwords`). `sweep` kills sweeps, which must go on
(`soak_sweep`). Ends with status 1 when something was wrong.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    messages, faults, names, passwords, sweep = map(
        kinds.add_parser, ("messages", "faults", "names", "passwords", "sweep")
    )
    messages.add_argument("--count", type=int, default=100_000, help="damaged messages to send")
    faults.add_argument("--count", type=int, default=1_200, help="faults to strike")
    faults.add_argument(
        "--report", type=Path, help="JSON file to write; a Markdown file of the same name goes beside it"
    )
    names.add_argument("--count", type=int, default=10_000, help="names of schemas, tables and columns to try")
    passwords.add_argument("--count", type=int, default=10_000, help="passwords to connect by")
    sweep.add_argument("--count", type=int, default=10_000, help="inputs of the sweep on each database")
    for command in (messages, faults, names, passwords, sweep):
        command.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.kind == "messages":
        from tests.soak_messages import soak

        wrong = soak(options.count, options.seed)
    elif options.kind == "names":
        from tests.soak_names import soak as soak_names

        wrong = soak_names(options.count, options.seed)
    elif options.kind == "passwords":
        from tests.soak_passwords import soak as soak_passwords

        wrong = soak_passwords(options.count, options.seed)
    elif options.kind == "sweep":
        from tests.soak_sweep import soak as soak_sweep

        wrong = soak_sweep(options.count, options.seed)
    else:
        from tests.soak_faults import soak as soak_faults

        wrong = soak_faults(options.count, options.seed, options.report)
    for line in wrong:
        print(f"WRONG: {line}")
    print("nothing went wrong" if not wrong else f"{len(wrong)} things went wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
