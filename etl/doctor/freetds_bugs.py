"""FreeTDS's known bugs that touch a copy: in which versions, and what this project does about each."""

from __future__ import annotations

from dataclasses import dataclass

Version = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Bug:
    """One bug. `fixed` is the first version without it, None where no release is."""

    what: str
    here: str
    """What keeps it from this project's rows."""
    source: str
    """Where it was read or measured."""
    fixed: Version | None = None

    def __str__(self) -> str:
        until = "" if self.fixed is None else f" (before {'.'.join(map(str, self.fixed))})"
        return f"{self.what}{until}; here: {self.here}"


BUGS = (
    Bug(
        "fast_executemany crashes the process",
        "refused",
        "1.3.17 drops the offset of row 0's address (src/odbc/sql2tds.c:267)",
        (1, 5, 15),
    ),
    Bug(
        "Encrypt= and TrustServerCertificate= are ignored without a word",
        "translated or refused",
        "1.3.17 knows Encryption= only (src/odbc/connectparams.c); 1.5 adds Encrypt=",
        (1, 5, 0),
    ),
    Bug(
        "Encryption=require is not held to where the server encrypts the login only",
        "the server is asked what it sees",
        "src/tds/login.c, tds71_do_login",
    ),
    Bug(
        "dates before 1600 are written as other days",
        "sent in another form",
        "negative days are divided with C's truncation (src/odbc/sql2tds.c:101-107), in 1.3.17 and on master in 2026",
    ),
    Bug(
        "values of more than 4,096 bytes overrun bulk copy's buffers",
        "such rows go by parameters",
        "buffers are capped below the declared size (src/tds/mem.c)",
    ),
    Bug(
        "a NULL for a column without NULL ends the process in bulk copy",
        "checked before",
        "an assertion in tds_generic_put (src/tds/data.c)",
    ),
    Bug(
        "TEXTSIZE is sent only where it is configured",
        "set on each connection and read back",
        "read in the source of 1.3.17; the server's default may cut long values",
    ),
)


def applying(version: Version) -> list[Bug]:
    """The bugs that a version has."""
    return [bug for bug in BUGS if bug.fixed is None or version < bug.fixed]
