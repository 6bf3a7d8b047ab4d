"""Round trips of text: characters of every plane, and a long value."""

from __future__ import annotations

import hashlib

from etl import connect, statements
from etl.doctor.case import Case
from etl.doctor.findings import Finding, fail, ok

SAMPLE = "Żółć ß 漢字 العربية नमस्ते 🚀 é"
"""Of one to four bytes in UTF-8, right to left, combining, beyond the Basic Multilingual Plane."""
LONG_CHARS = 1_000_000
CHARSET = "ClientCharset=UTF-8 in the URL, or none; in freetds.conf `client charset = UTF-8`."


def unicode(case: Case) -> Finding:
    """Whether text arrives at the server as it was sent, by the server's own bytes, and comes back."""
    with case.connected() as connection, connect.statement("sending Unicode"), connect.cursor(connection) as cursor:
        back, stored = cursor.execute(statements.load("doctor_text"), SAMPLE, SAMPLE).fetchone()
    if bytes(stored) != SAMPLE.encode("utf-16-le"):
        return fail(
            "characters do not arrive at the server as they were sent",
            f"The server got {bytes(stored)!r}.",
            CHARSET,
        )
    if back != SAMPLE:
        return fail("characters do not come back as the server has them", f"{SAMPLE} came back as {back!r}.", CHARSET)
    return ok(f"{SAMPLE} arrived and came back")


def long_text(case: Case) -> Finding:
    """Whether a text of a million characters arrives whole and comes back."""
    sent = (SAMPLE * (LONG_CHARS // len(SAMPLE) + 1))[:LONG_CHARS]
    with case.connected() as connection, connect.statement("sending a long text"), connect.cursor(connection) as cursor:
        back, arrived = cursor.execute(statements.load("doctor_long_text"), sent, sent).fetchone()
    expected = len(sent.encode("utf-16-le"))
    if arrived != expected:
        return fail(
            f"of {expected:,} bytes of text {arrived:,} arrived",
            "Long values are cut on the way to the server.",
            CHARSET,
        )
    if _digest(back) != _digest(sent):
        return fail(
            f"of {len(sent):,} characters {len(back):,} came back",
            "Long values are cut on the way back.",
            "TextSize=2147483647 in the URL.",
        )
    return ok(f"{len(sent):,} characters arrived and came back")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-16-le", "surrogatepass")).hexdigest()
