"""The one error of the sandbox: what SQL Server would have answered, by number."""

from __future__ import annotations


class SqlServerError(Exception):
    """An ERROR token in the making (MS-TDS 2.2.7.10).

    Severity 11 to 16 ends the statement and leaves the batch and the transaction alone, unless `ends_batch` or
    `dooms_transaction` say more; 20 and above close the connection.
    """

    def __init__(
        self,
        number: int,
        message: str,
        *,
        severity: int = 16,
        state: int = 1,
        line: int = 1,
        ends_batch: bool = False,
        dooms_transaction: bool = False,
    ) -> None:
        super().__init__(number, message)
        self.number = number
        self.message = message
        self.severity = severity
        self.state = state
        self.line = line
        self.ends_batch = ends_batch
        self.dooms_transaction = dooms_transaction

    def __str__(self) -> str:
        return f"Msg {self.number}, Level {self.severity}, State {self.state}, Line {self.line}: {self.message}"


def not_supported(what: str, *, line: int = 1) -> SqlServerError:
    """The sandbox's honest refusal. 40517 is what Azure SQL uses for a keyword or option that it does not support."""
    return SqlServerError(40517, f"sandbox: {what} is not supported", line=line, ends_batch=True)
