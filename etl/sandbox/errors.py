"""The one error of the sandbox: what SQL Server would have answered, by number."""

from __future__ import annotations


class SqlServerError(Exception):
    """An ERROR token in the making (MS-TDS 2.2.7.10).

    Severity 11 to 16 ends the statement and leaves the batch and the transaction alone, unless `ends_batch` or
    `dooms_transaction` say more; 20 and above close the connection. `line` counts from 1 in the batch that the statement
    stands in; 0 is a line not known yet, which the running batch fills in and which is sent as 1. `procedure` is the trigger
    that the error came out of, whose own lines `line` counts then.
    """

    def __init__(  # noqa: PLR0913 - the fields of the token, and what the error takes with it
        self,
        number: int,
        message: str,
        *,
        severity: int = 16,
        state: int = 1,
        line: int = 0,
        procedure: str = "",
        ends_batch: bool = False,
        dooms_transaction: bool = False,
    ) -> None:
        super().__init__(number, message)
        self.number = number
        self.message = message
        self.severity = severity
        self.state = state
        self.line = line
        self.procedure = procedure
        self.ends_batch = ends_batch
        self.dooms_transaction = dooms_transaction
        self.followed_by: SqlServerError | None = None
        """A second error that SQL Server sends right after this one."""

    def __str__(self) -> str:
        return f"Msg {self.number}, Level {self.severity}, State {self.state}, Line {self.line or 1}: {self.message}"


def not_supported(what: str, *, line: int = 0) -> SqlServerError:
    """The sandbox's honest refusal. 40517 is what Azure SQL uses for a keyword or option that it does not support."""
    return SqlServerError(40517, f"sandbox: {what} is not supported", line=line, ends_batch=True)


def numeric_overflow() -> SqlServerError:
    """A number with more digits than its decimal type has."""
    return SqlServerError(8115, "Arithmetic overflow error converting numeric to data type numeric.", state=8)
