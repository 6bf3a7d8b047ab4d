"""A session fed messages: which tokens come back, in which order, with which bits."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from etl.sandbox.errors import SqlServerError
from etl.sandbox.outcomes import (
    Column,
    Command,
    DatabaseChanged,
    Message,
    Outcome,
    OutputValue,
    Parameterized,
    ProcedureEnded,
    ResultSet,
    StatementDone,
    StatementFailed,
)
from etl.sandbox.session import Session
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.wire import packets as framing
from etl.sandbox.wire.packets import MessageKind, PacketStatus, PacketWriter
from etl.sandbox.wire.streaming import PayloadStream
from tests.sandbox import bulk_bytes
from tests.sandbox.bulk_bytes import metadata, row
from tests.sandbox.scripted import ScriptedEngine, ScriptedInterpreter, echo, roll_back_and_fail, rows_of
from tests.sandbox.tds_bytes import ALL_HEADERS, batch, call, integer, named_call, nvarchar
from tests.sandbox.token_reader import read_tokens

INT = SqlType("int")
BEGIN, COMMIT, ROLLBACK = (
    bytes.fromhex("0500" + "02" + "00"),
    bytes.fromhex("0700" + "0000"),
    bytes.fromhex("0800" + "0000"),
)


class Client:
    """A session whose answers are read back as tokens."""

    def __init__(self) -> None:
        self.engine = ScriptedEngine()
        self.interpreter = self.engine.login("sa", "secret", "")
        self.stopped = False
        self.attention = False
        self.goes_on = True
        self._sent = bytearray()
        self.session = Session(
            self.interpreter,
            PacketWriter(self._sent.extend, 4096),
            stopped=lambda: self.stopped,
            request_ended=lambda: self.attention,
        )

    def ask(
        self, kind: MessageKind, payload: bytes, status: PacketStatus = PacketStatus.END_OF_MESSAGE
    ) -> list[tuple[object, ...]]:
        self.goes_on = self.session.answer(framing.Message(kind, payload, status))
        return self.answer()

    def answer(self) -> list[tuple[object, ...]]:
        tokens = read_tokens(bytes(self._sent))
        self._sent.clear()
        return tokens

    def batch(self, text: str) -> list[tuple[object, ...]]:
        return self.ask(MessageKind.SQL_BATCH, batch(text))

    def script(self, text: str, *outcomes: Outcome | SqlServerError) -> None:
        def play(_: ScriptedInterpreter, __: Parameterized) -> Iterator[Outcome]:
            for outcome in outcomes:
                if isinstance(outcome, SqlServerError):
                    raise outcome
                yield outcome

        self.engine.scripts[text] = play


@pytest.fixture
def client() -> Client:
    return Client()


def test_a_batch_of_statements_has_more_bits_until_the_last(client: Client) -> None:
    columns, rows = rows_of(INT, [1, None])
    client.script(
        "x",
        StatementDone(Command.INSERT, 3),
        Message(0, "hello"),
        ResultSet(columns, iter([rows])),
        StatementDone(Command.SELECT, 2),
        StatementDone(),
    )
    assert client.batch("x") == [
        ("DONE", "MORE|COUNT", Command.INSERT.value, 3),
        ("INFO", 0, 0, "hello"),
        ("COLMETADATA", "v"),
        ("ROW", 1),
        ("ROW", None),
        ("DONE", "MORE|COUNT", Command.SELECT.value, 2),
        ("DONE", "", 0, 0),
    ]


def test_an_empty_batch_is_done(client: Client) -> None:
    client.script("")
    assert client.batch("") == [("DONE", "", 0, 0)]


def test_a_failed_statement_lets_the_batch_go_on_and_a_raised_error_ends_it(client: Client) -> None:
    duplicate = SqlServerError(2627, "duplicate", severity=14)
    client.script(
        "x", StatementFailed(duplicate), StatementDone(Command.INSERT, 1), SqlServerError(8134, "zero", line=3)
    )
    assert client.batch("x") == [
        ("ERROR", 2627, 14, "duplicate"),
        ("DONE", "MORE|ERROR", 0, 0),
        ("DONE", "MORE|COUNT", Command.INSERT.value, 1),
        ("ERROR", 8134, 16, "zero"),
        ("DONE", "ERROR", 0, 0),
    ]
    assert client.goes_on


def test_a_change_that_failed_is_said_to_be_taken_back(client: Client) -> None:
    client.script("x", StatementFailed(SqlServerError(2627, "duplicate", severity=14), taken_back=True))
    assert client.batch("x") == [
        ("ERROR", 2627, 14, "duplicate"),
        ("INFO", 3621, 0, "The statement has been terminated."),
        ("DONE", "ERROR", 0, 0),
    ]


def test_use_changes_the_database(client: Client) -> None:
    client.script("use b", DatabaseChanged("a", "b"), StatementDone())
    assert client.batch("use b") == [
        ("ENVCHANGE", 1, "b", "a"),
        ("INFO", 5701, 0, "Changed database context to 'b'."),
        ("DONE", "", 0, 0),
    ]


def test_executesql_ends_with_status_outputs_and_doneproc(client: Client) -> None:
    client.script("x", StatementDone(Command.UPDATE, 2), OutputValue("@o", INT, 9))
    assert client.ask(MessageKind.RPC, call(10, nvarchar("x"), nvarchar("@o int output"), integer(1, "@o", 1))) == [
        ("DONEINPROC", "MORE|COUNT", Command.UPDATE.value, 2),
        ("RETURNSTATUS", 0),
        ("RETURNVALUE", "@o", 9),
        ("DONEPROC", "", 0, 0),
    ]
    request = client.interpreter.requests[-1]
    assert (request.text, request.declarations) == ("x", "@o int output")
    assert [(one.name, one.value, one.output) for one in request.arguments] == [("@o", 1, True)]


def test_prepared_statements_live_until_they_are_released(client: Client) -> None:
    client.engine.scripts["select @P1"] = echo
    prepared = client.ask(
        MessageKind.RPC, call(13, integer(None, status=1), nvarchar("@P1 int"), nvarchar("select @P1"), integer(5))
    )
    assert prepared[-3:] == [("RETURNSTATUS", 0), ("RETURNVALUE", "", 1), ("DONEPROC", "", 0, 0)]
    assert ("ROW", 5) in prepared
    assert ("ROW", 6) in client.ask(MessageKind.RPC, call(12, integer(1), integer(6)))
    assert client.ask(MessageKind.RPC, call(15, integer(1)))[-1] == ("DONEPROC", "", 0, 0)
    assert client.ask(MessageKind.RPC, call(12, integer(1), integer(6)))[0][:2] == ("ERROR", 8179)
    assert client.ask(MessageKind.RPC, call(15, integer(1)))[0][:2] == ("ERROR", 8179)


def test_prepare_gives_a_handle_without_running(client: Client) -> None:
    answer = client.ask(MessageKind.RPC, call(11, integer(None, status=1), nvarchar(None), nvarchar("x"), integer(1)))
    assert answer == [("RETURNSTATUS", 0), ("RETURNVALUE", "", 1), ("DONEPROC", "", 0, 0)]
    assert client.interpreter.requests == []


def test_every_call_of_a_parameter_array_is_answered(client: Client) -> None:
    client.script("x", SqlServerError(515, "null"))
    one = call(10, nvarchar("x"))
    answer = client.ask(MessageKind.RPC, one + b"\xff" + call(10, nvarchar("y"))[len(ALL_HEADERS) :])
    assert answer == [
        ("ERROR", 515, 16, "null"),
        ("RETURNSTATUS", 515),
        ("DONEPROC", "MORE|ERROR", 0, 0),
        ("DONEINPROC", "MORE", 0, 0),
        ("RETURNSTATUS", 0),
        ("DONEPROC", "", 0, 0),
    ]


def test_a_procedure_by_name_becomes_an_exec_with_parameters(client: Client) -> None:
    text = "EXEC sp_columns @table_name = @P1, @n = @P2 OUTPUT"
    client.script(text, OutputValue("@P2", INT, 4))
    answer = client.ask(MessageKind.RPC, named_call("sp_columns", nvarchar("t", "@table_name"), integer(0, "@n", 1)))
    assert ("RETURNVALUE", "@n", 4) in answer
    request = client.interpreter.requests[-1]
    assert (request.text, request.declarations) == (text, "@P1 nvarchar(4000), @P2 int OUTPUT")
    assert [(one.name, one.value) for one in request.arguments] == [("@P1", "t"), ("@P2", 0)]


@pytest.mark.parametrize(
    "name", ["sp_executesql", "SYS.sp_ExecuteSql", "[sys].[sp_executesql]", "master..sp_executesql", "..sp_executesql"]
)
def test_special_procedures_are_known_by_name(client: Client, name: str) -> None:
    client.ask(MessageKind.RPC, named_call(name, nvarchar("text")))
    assert client.interpreter.requests[-1].text == "text"


@pytest.mark.parametrize(
    ("payload", "number", "reason"),
    [
        (call(2, integer(1)), 40517, "sandbox: the procedure sp_cursoropen is not supported"),
        (call(10, integer(1)), 214, "Procedure expects parameter '@statement'"),
        (call(12), 214, "Procedure expects parameter '@handle'"),
    ],
)
def test_calls_that_are_refused(client: Client, payload: bytes, number: int, reason: str) -> None:
    token = client.ask(MessageKind.RPC, payload)[0]
    assert token[:2] == ("ERROR", number)
    assert reason in str(token[3])
    assert client.goes_on


def transaction(client: Client, request: bytes) -> list[tuple[object, ...]]:
    return client.ask(MessageKind.TRANSACTION_MANAGER, ALL_HEADERS + request)


def test_transactions_hand_out_and_take_back_descriptors(client: Client) -> None:
    first, second = b"\1" + bytes(7), b"\2" + bytes(7)
    assert transaction(client, BEGIN) == [("ENVCHANGE", 8, first, b""), ("DONE", "IN_TRANSACTION", 0, 0)]
    assert client.batch("x") == [("DONE", "IN_TRANSACTION", 0, 0)]
    assert transaction(client, COMMIT) == [("ENVCHANGE", 9, b"", first), ("DONE", "", 0, 0)]
    transaction(client, BEGIN)
    assert transaction(client, ROLLBACK) == [("ENVCHANGE", 10, b"", second), ("DONE", "", 0, 0)]


def test_nested_transactions_are_the_clients_one(client: Client) -> None:
    transaction(client, BEGIN)
    assert transaction(client, BEGIN) == [("DONE", "IN_TRANSACTION", 0, 0)]
    assert transaction(client, COMMIT) == [("DONE", "IN_TRANSACTION", 0, 0)]
    assert transaction(client, COMMIT)[0][:2] == ("ENVCHANGE", 9)


def test_a_commit_may_begin_the_next_transaction(client: Client) -> None:
    transaction(client, BEGIN)
    answer = transaction(client, bytes.fromhex("0700" + "00" + "01" + "0000"))
    assert [token[:2] for token in answer] == [("ENVCHANGE", 9), ("ENVCHANGE", 8), ("DONE", "IN_TRANSACTION")]


def test_a_failed_commit_has_the_error_bit_and_ends_the_transaction(client: Client) -> None:
    transaction(client, BEGIN)
    client.engine.fail_commit = SqlServerError(547, "deferred")
    assert [token[:2] for token in transaction(client, COMMIT)] == [
        ("ERROR", 547),
        ("ENVCHANGE", 10),
        ("DONE", "ERROR"),
    ]


def test_a_transaction_that_an_error_took_along_is_told_once(client: Client) -> None:
    client.engine.scripts["x"] = roll_back_and_fail
    transaction(client, BEGIN)
    assert [token[:2] for token in client.batch("x")] == [("ENVCHANGE", 10), ("ERROR", 1205), ("DONE", "ERROR")]


def test_a_transaction_that_went_away_unsaid_is_noticed(client: Client) -> None:
    transaction(client, BEGIN)
    client.interpreter.transaction_count = 0
    assert [token[:2] for token in client.batch("x")] == [("ENVCHANGE", 10), ("DONE", "")]


def test_commit_without_a_transaction_is_3902(client: Client) -> None:
    assert [token[:2] for token in transaction(client, COMMIT)] == [("ERROR", 3902), ("DONE", "ERROR")]


def test_reset_forgets_the_session_before_the_request_runs(client: Client) -> None:
    client.ask(MessageKind.RPC, call(11, integer(None, status=1), nvarchar(None), nvarchar("x")))
    transaction(client, BEGIN)
    answer = client.ask(
        MessageKind.RPC, call(12, integer(1)), PacketStatus.RESET_CONNECTION | PacketStatus.END_OF_MESSAGE
    )
    assert [token[:2] for token in answer[:3]] == [("ENVCHANGE", 10), ("ENVCHANGE", 18), ("ERROR", 8179)]
    assert client.interpreter.resets == 1


def test_a_procedure_in_a_batch_ends_with_its_status(client: Client) -> None:
    done = StatementDone(Command.SELECT, 1, in_procedure=True)
    client.script("EXEC p; SELECT", done, ProcedureEnded(3), StatementDone(Command.SELECT, 2))
    assert client.batch("EXEC p; SELECT") == [
        ("DONEINPROC", "MORE|COUNT", 0xC1, 1),
        ("RETURNSTATUS", 3),
        ("DONEPROC", "MORE", 0, 0),
        ("DONE", "COUNT", 0xC1, 2),
    ]


def bulk_load(client: Client, *packets: bytes, cut: bool = False) -> list[tuple[object, ...]]:
    stream = PayloadStream()
    for packet in packets:
        stream.put(packet)
    if cut:
        stream.cut()
    else:
        stream.end()
    client.goes_on = client.session.answer(framing.Message(MessageKind.BULK_LOAD, b"", stream=stream))
    return client.answer()


def test_bulk_load_hands_rows_to_the_interpreter(client: Client) -> None:
    rows = metadata(("n", bulk_bytes.INT)), row(bulk_bytes.integer(7)), row(bulk_bytes.integer(None))
    assert bulk_load(client, *rows) == [("DONE", "COUNT", 0xC3, 2)]
    assert client.interpreter.loaded == [(7,), (None,)]
    assert client.interpreter.loaded_columns == (Column("n", INT),)


def test_bulk_load_fails_after_all_of_it_was_read(client: Client) -> None:
    tokens = bulk_load(client, metadata(("n", bulk_bytes.INT)), row(b"\x09"), bytes(1000))
    assert tokens == [
        ("ERROR", 4815, 16, "Received an invalid column length from the bcp client for colid 1."),
        ("DONE", "ERROR", 0, 0),
    ]
    assert client.goes_on


def test_what_is_no_bulk_load_ends_the_connection(client: Client) -> None:
    assert bulk_load(client, b"nonsense")[0][:3] == ("ERROR", 4002, 20)
    assert not client.goes_on


def test_bulk_load_that_the_client_calls_off_has_no_answer(client: Client) -> None:
    assert bulk_load(client, metadata(("n", bulk_bytes.INT)), cut=True) == []
    assert client.goes_on


def test_bulk_load_cut_off_by_attention_is_acknowledged(client: Client) -> None:
    client.attention = client.stopped = True
    assert bulk_load(client, metadata(("n", bulk_bytes.INT)), cut=True) == [("DONE", "ATTENTION", 0, 0)]


def test_a_stopped_request_ends_with_the_attention_bit_and_closes_what_it_read(client: Client) -> None:
    closed = []

    def batches() -> Iterator[list[tuple[int]]]:
        try:
            for number in range(100):
                client.stopped = client.attention = number == 2
                yield [(number,)]
        finally:
            closed.append(True)

    client.script("x", ResultSet((Column("v", INT),), batches()), StatementDone(Command.SELECT, 100))
    assert client.batch("x") == [("COLMETADATA", "v"), ("ROW", 0), ("ROW", 1), ("DONE", "ATTENTION", 0, 0)]
    assert closed == [True]


def test_the_error_of_a_stopped_statement_is_not_sent(client: Client) -> None:
    client.script("x", SqlServerError(3617, "cancelled"))
    client.stopped = client.attention = True
    assert client.batch("x") == [("DONE", "ATTENTION", 0, 0)]


def test_an_attention_that_finds_nothing_is_acknowledged(client: Client) -> None:
    client.session.acknowledge_attention()
    assert client.answer() == [("DONE", "ATTENTION", 0, 0)]


def test_a_malformed_request_ends_the_connection(client: Client) -> None:
    assert client.ask(MessageKind.SQL_BATCH, b"\1")[0][:3] == ("ERROR", 4002, 20)
    assert not client.goes_on


def test_a_login_inside_a_session_ends_the_connection(client: Client) -> None:
    assert client.ask(MessageKind.LOGIN7, b"")[0][:3] == ("ERROR", 4002, 20)
    assert not client.goes_on


def test_a_bug_is_told_logged_and_ends_the_connection(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: ScriptedInterpreter, __: Parameterized) -> Iterator[Outcome]:
        raise LookupError("gone")
        yield

    client.engine.scripts["x"] = broken
    with caplog.at_level(logging.ERROR):
        assert client.batch("x") == [
            ("ERROR", 50000, 20, "sandbox: internal error: LookupError: gone"),
            ("DONE", "ERROR", 0, 0),
        ]
    assert not client.goes_on
    assert "LookupError: gone" in caplog.text


def test_a_value_that_cannot_be_sent_leaves_whole_tokens_before_its_error(client: Client) -> None:
    columns = (Column("v", SqlType("varchar", 1)),)
    client.script("x", ResultSet(columns, iter([[("a",)], [("ab",)]])))
    assert [token[:2] for token in client.batch("x")] == [
        ("COLMETADATA", "v"),
        ("ROW", "a"),
        ("ERROR", 50000),
        ("DONE", "ERROR"),
    ]
