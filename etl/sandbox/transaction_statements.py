"""BEGIN, COMMIT, ROLLBACK and SAVE TRANSACTION as T-SQL; clients may ask for the same by the protocol."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot.tokenizer_core import TokenType

from etl.sandbox.errors import not_supported
from etl.sandbox.evaluation import Evaluator
from etl.sandbox.link import EngineError, Link
from etl.sandbox.outcomes import Command, Isolation, Outcome, StatementDone, TransactionChanged, TransactionEvent
from etl.sandbox.pgerrors import server_error
from etl.sandbox.transactions import Transaction
from etl.sandbox.translation.batch import Statement
from etl.sandbox.translation.cursor import Cursor


class TransactionStatements:
    """Carries these statements out on a session's transaction."""

    def __init__(self, link: Link, transaction: Transaction, evaluator: Evaluator) -> None:
        self._link = link
        self._transaction = transaction
        self._evaluator = evaluator

    def begin(self, statement: Statement) -> Iterator[Outcome]:
        """BEGIN TRAN[SACTION] [name]; nested ones only count."""
        cursor = Cursor(statement.tokens, statement.text)
        cursor.expect("BEGIN")
        if not cursor.accept("TRAN") and not cursor.accept("TRANSACTION"):
            raise not_supported("BEGIN DISTRIBUTED TRANSACTION")
        if self._transaction.begin(Isolation.CURRENT, self._name(cursor)):
            yield TransactionChanged(TransactionEvent.BEGUN)
        yield StatementDone(Command.BEGIN_TRANSACTION, None)

    def commit(self, statement: Statement) -> Iterator[Outcome]:
        """COMMIT [TRAN|TRANSACTION|WORK] [name]: one level. Error 3902 without a transaction."""
        cursor = Cursor(statement.tokens, statement.text)
        cursor.expect("COMMIT")
        _skip_transaction_word(cursor)
        self._name(cursor)
        try:
            outermost = self._transaction.commit()
        except EngineError as error:
            self._transaction.abandon()
            yield TransactionChanged(TransactionEvent.ROLLED_BACK)
            raise server_error(error, Command.COMMIT, self._link) from error
        if outermost:
            yield TransactionChanged(TransactionEvent.COMMITTED)
        yield StatementDone(Command.COMMIT, None)

    def rollback(self, statement: Statement) -> Iterator[Outcome]:
        """ROLLBACK [TRAN|TRANSACTION|WORK] [name]: everything, or to a savepoint. Error 3903 without a transaction."""
        cursor = Cursor(statement.tokens, statement.text)
        cursor.expect("ROLLBACK")
        _skip_transaction_word(cursor)
        name = self._name(cursor)
        if name and self._transaction.rollback_to(name):
            yield StatementDone(Command.ROLLBACK, None)
            return
        self._transaction.rollback(name)
        yield TransactionChanged(TransactionEvent.ROLLED_BACK)
        yield StatementDone(Command.ROLLBACK, None)

    def save(self, statement: Statement) -> Iterator[Outcome]:
        """SAVE TRAN[SACTION] name. Error 628 without a transaction."""
        cursor = Cursor(statement.tokens, statement.text)
        cursor.expect("SAVE")
        _skip_transaction_word(cursor)
        self._transaction.save(self._name(cursor))
        yield StatementDone(Command.OTHER, None)

    def _name(self, cursor: Cursor) -> str:
        """The transaction's or savepoint's name: bare, or held by a variable; empty where none is given."""
        if cursor.ended:
            return ""
        if cursor.comes(TokenType.PARAMETER):
            cursor.at += 1
            held = self._evaluator.variables.get("@" + cursor.identifier().lower())
            name = str(held[1]) if held is not None else ""
        else:
            name = cursor.identifier()
        cursor.finish()
        return name


def _skip_transaction_word(cursor: Cursor) -> None:
    if not cursor.accept("TRAN") and not cursor.accept("TRANSACTION"):
        cursor.accept("WORK")
