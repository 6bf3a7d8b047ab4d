"""The server with pyodbc over FreeTDS as its client; outcomes are scripted, so this is about the wire alone."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pyodbc
import pytest

from etl.sandbox.errors import SqlServerError
from etl.sandbox.outcomes import Column, Command, Outcome, Parameterized, ResultSet, StatementDone, StatementFailed
from etl.sandbox.server import TdsServer, bind
from etl.sandbox.sqltypes import SqlType, Value
from tests.sandbox.scripted import ScriptedEngine, ScriptedInterpreter, echo, rows_of

T = SqlType


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
def server(engine: ScriptedEngine) -> Iterator[TdsServer]:
    with TdsServer(engine, bind("127.0.0.1", 0)) as server:
        yield server


def connect(server: TdsServer, options: dict[str, str] | None = None, *, autocommit: bool = True) -> pyodbc.Connection:
    settings = {
        "DRIVER": "FreeTDS",
        "SERVER": f"127.0.0.1,{server.port}",
        "UID": "sa",
        "PWD": "secret",
        "DATABASE": "sandbox",
        "TDS_Version": "7.4",
        "ClientCharset": "UTF-8",
    } | (options or {})
    return pyodbc.connect(";".join(f"{key}={value}" for key, value in settings.items()), autocommit=autocommit)


@pytest.fixture
def connection(server: TdsServer) -> Iterator[pyodbc.Connection]:
    connection = connect(server)
    yield connection
    connection.close()


RESULTS: list[tuple[SqlType, list[object]]] = [
    (T("bit"), [True, False]),
    (T("tinyint"), [0, 255]),
    (T("smallint"), [-(2**15), 2**15 - 1]),
    (T("int"), [-(2**31), 2**31 - 1]),
    (T("bigint"), [-(2**63), 2**63 - 1]),
    (T("real"), [1.5, -0.25]),
    (T("float"), [1.7976931348623157e308, -0.1, 5e-324]),
    (T("decimal", precision=38, scale=10), [Decimal("1234567890123456789012345678.0123456789"), Decimal("-1E-10")]),
    (T("decimal", precision=5, scale=2), [Decimal("-999.99"), Decimal("0.00")]),
    (T("decimal", precision=38, scale=38), [Decimal("0." + "9" * 38)]),
    (T("money"), [Decimal("922337203685477.5807"), Decimal("-922337203685477.5808")]),
    (T("smallmoney"), [Decimal("-214748.3648")]),
    (T("date"), [dt.date(1, 1, 1), dt.date(1582, 10, 15), dt.date(9999, 12, 31)]),
    (T("time", scale=7), [dt.time(0), dt.time(23, 59, 59, 999999)]),
    (T("time", scale=0), [dt.time(23, 59, 59)]),
    (T("datetime2", scale=7), [dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999)]),
    (T("datetime2", scale=3), [dt.datetime(2020, 2, 29, 1, 2, 3, 4000)]),
    (T("datetime"), [dt.datetime(1753, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 997000)]),
    (T("smalldatetime"), [dt.datetime(1900, 1, 1), dt.datetime(2079, 6, 6, 23, 59)]),
    (T("char", 3), ["abc", "é€ß"]),
    (T("varchar", 20), ["", "é€ß"]),
    (T("varchar"), ["", "é" * 1_000_000]),
    (T("nchar", 3), ["a😀"]),
    (T("nvarchar", 20), ["", "é😀漢字"]),
    (T("nvarchar"), ["", "😀" * 500_000]),
    (T("binary", 4), [b"\0\1\2\xff"]),
    (T("varbinary", 20), [b"", b"\0\xff"]),
    (T("varbinary"), [b"", bytes(range(256)) * 4096]),
    (T("rowversion"), [b"\0\0\0\0\0\0\7\xd1"]),
    (T("xml"), ["<a>é😀</a>"]),
    (T("text"), ["", "é€ß"]),
    (T("ntext"), ["", "é😀"]),
    (T("image"), [b"", b"\0\1"]),
    (T("sysname"), ["dbo"]),
]


@pytest.mark.parametrize(("sql", "values"), RESULTS, ids=lambda item: str(item)[:40])
def test_results_of_every_type(
    engine: ScriptedEngine, connection: pyodbc.Connection, sql: SqlType, values: list[Value]
) -> None:
    engine.answer("q", *rows_of(sql, [*values, None]))
    assert [row[0] for row in connection.execute("q").fetchall()] == [*values, None]


def test_a_uniqueidentifier_result_has_its_byte_order(engine: ScriptedEngine, connection: pyodbc.Connection) -> None:
    guid = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")
    engine.answer("q", *rows_of(T("uniqueidentifier"), [guid, None]))
    assert [row[0] for row in connection.execute("q").fetchall()] == [str(guid).upper(), None]


def test_a_datetimeoffset_result_keeps_time_and_offset(engine: ScriptedEngine, connection: pyodbc.Connection) -> None:
    value = dt.datetime(2020, 1, 1, 1, 2, 3, 456789, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=30)))
    engine.answer("q", *rows_of(T("datetimeoffset", scale=7), [value, None]))
    connection.add_output_converter(-155, bytes)
    raw = connection.execute("q").fetchone()[0]
    # SQL_SS_TIMESTAMPOFFSET_STRUCT: six int16-like fields, nanoseconds, and the offset's hours and minutes.
    year, month, day, hour, minute, second = (int.from_bytes(raw[at : at + 2], "little") for at in range(0, 12, 2))
    assert (year, month, day, hour, minute, second) == (2020, 1, 1, 1, 2, 3)
    assert int.from_bytes(raw[12:16], "little") == 456_789_000
    assert (int.from_bytes(raw[16:18], "little"), int.from_bytes(raw[18:20], "little")) == (5, 30)


PARAMETERS: list[object] = [
    True,
    0,
    -(2**31),
    2**63 - 1,
    1.5,
    5e-324,
    Decimal("1.50"),
    Decimal("0"),
    *(Decimal(f"-{'9' * digits}") for digits in range(1, 39)),
    Decimal("-1234567890123456789.0123456789"),
    Decimal("0.00000000000000000000000000000000000001"),
    dt.date(9999, 12, 31),
    dt.date(2013, 1, 1),
    dt.datetime(2013, 1, 1, 23, 59, 59, 123456),
    "",
    "é😀漢字",
    "x" * 4000,
    "😀" * 500_000,
    b"",
    b"\0\xff",
    bytes(range(256)) * 4096,
    None,
]


@pytest.mark.parametrize("value", PARAMETERS, ids=lambda value: repr(value)[:30])
def test_parameters_of_every_python_type(engine: ScriptedEngine, connection: pyodbc.Connection, value: object) -> None:
    engine.scripts["q @P1"] = echo
    assert connection.execute("q ?", value).fetchone()[0] == value
    assert engine.sessions[0].requests[-1].arguments[0].value == value


@pytest.mark.parametrize("packet_bytes", ["512", "4096", "32767"])
def test_packet_sizes(engine: ScriptedEngine, server: TdsServer, packet_bytes: str) -> None:
    rows = [(number, "é😀" * (number % 50)) for number in range(3000)]
    engine.answer("q", [Column("n", T("int")), Column("t", T("nvarchar", 200))], rows)
    engine.scripts["q @P1"] = echo
    connection = connect(server, {"PacketSize": packet_bytes})
    assert [tuple(row) for row in connection.execute("q").fetchall()] == rows
    assert connection.execute("q ?", "y" * 100_000).fetchone()[0] == "y" * 100_000
    connection.close()


def test_many_rows_are_streamed_while_they_are_made(engine: ScriptedEngine, connection: pyodbc.Connection) -> None:
    read_first = threading.Event()

    def script(_: ScriptedInterpreter, __: Parameterized) -> Iterator[Outcome]:
        def batches() -> Iterator[list[tuple[int]]]:
            yield [(number,) for number in range(2000)]
            assert read_first.wait(30)
            yield [(2000,)]

        yield ResultSet((Column("n", T("int")),), batches())
        yield StatementDone(Command.SELECT, 2001)

    engine.scripts["q"] = script
    cursor = connection.execute("q")
    assert cursor.fetchone()[0] == 0
    read_first.set()
    assert len(cursor.fetchall()) == 2000


def test_several_results_and_counts(engine: ScriptedEngine, connection: pyodbc.Connection) -> None:
    def script(_: ScriptedInterpreter, __: Parameterized) -> Iterator[Outcome]:
        for number in (1, 2):
            columns, rows = rows_of(T("int"), [number])
            yield ResultSet(columns, iter([rows]))
            yield StatementDone(Command.SELECT, 1)
        yield StatementDone(Command.UPDATE, 7)

    engine.scripts["q"] = script
    cursor = connection.execute("q")
    assert cursor.fetchall()[0][0] == 1
    assert cursor.nextset()
    assert cursor.fetchall()[0][0] == 2
    assert cursor.nextset()
    assert cursor.rowcount == 7
    assert not cursor.nextset()


def test_statements_without_a_count_are_passed_over(engine: ScriptedEngine, connection: pyodbc.Connection) -> None:
    def script(_: ScriptedInterpreter, __: Parameterized) -> Iterator[Outcome]:
        yield StatementDone()
        yield StatementDone(Command.INSERT)
        columns, rows = rows_of(T("int"), [1])
        yield ResultSet(columns, iter([rows]))
        yield StatementDone(Command.SELECT, 1)

    engine.scripts["q"] = engine.scripts["q @P1"] = script
    assert connection.execute("q").fetchone()[0] == 1
    assert connection.execute("q ?", 1).fetchone()[0] == 1


def test_column_flags_are_told(engine: ScriptedEngine, connection: pyodbc.Connection) -> None:
    columns = [Column("a", T("int"), nullable=False, identity=True), Column("b", T("int"))]
    engine.answer("q", columns, [])
    assert [(field[0], field[6]) for field in connection.execute("q").description] == [("a", False), ("b", True)]


def test_an_error_has_its_number_and_the_connection_goes_on(
    engine: ScriptedEngine, connection: pyodbc.Connection
) -> None:
    def script(_: ScriptedInterpreter, __: Parameterized) -> Iterator[Outcome]:
        yield StatementFailed(SqlServerError(2627, "Violation of PRIMARY KEY constraint 'pk'.", severity=14))

    engine.scripts["q"] = engine.scripts["q @P1"] = script
    for arguments in ((), (1,)):
        with pytest.raises(pyodbc.IntegrityError, match=r"Violation of PRIMARY KEY constraint 'pk'\. \(2627\)"):
            connection.execute("q ?" if arguments else "q", *arguments)
    engine.answer("ok", *rows_of(T("int"), [1]))
    assert connection.execute("ok").fetchone()[0] == 1


def test_an_error_after_rows_reaches_the_client(engine: ScriptedEngine, connection: pyodbc.Connection) -> None:
    def script(_: ScriptedInterpreter, __: Parameterized) -> Iterator[Outcome]:
        def batches() -> Iterator[list[tuple[int]]]:
            yield [(1,)]
            raise SqlServerError(8134, "Divide by zero error encountered.")

        yield ResultSet((Column("n", T("int")),), batches())

    engine.scripts["q"] = script
    cursor = connection.execute("q")
    with pytest.raises(pyodbc.Error, match="8134"):
        cursor.fetchall()


@pytest.mark.parametrize(
    ("options", "number"),
    [
        ({"PWD": "wrong"}, "18456"),
        ({"UID": "nobody"}, "18456"),
        ({"DATABASE": "none"}, "4060"),
        ({"TDS_Version": "7.1"}, "40517"),
    ],
)
def test_logins_that_are_refused(server: TdsServer, options: dict[str, str], number: str) -> None:
    with pytest.raises(pyodbc.Error, match=number):
        connect(server, options)


def test_a_client_of_tds_7_3_is_served(engine: ScriptedEngine, server: TdsServer) -> None:
    engine.answer("q", *rows_of(T("datetime2", scale=7), [dt.datetime(2020, 1, 2, 3, 4, 5, 6)]))
    connection = connect(server, {"TDS_Version": "7.3"})
    assert connection.execute("q").fetchone()[0] == dt.datetime(2020, 1, 2, 3, 4, 5, 6)
    connection.close()


def test_a_client_that_requires_encryption_gives_up(server: TdsServer) -> None:
    with pytest.raises(pyodbc.OperationalError, match="Unable to connect"):
        connect(server, {"Encryption": "require"})


def test_transactions_reach_the_interpreter(engine: ScriptedEngine, server: TdsServer) -> None:
    connection = connect(server, autocommit=False)
    connection.execute("insert")
    assert engine.sessions[0].transaction_count == 1
    connection.commit()
    connection.execute("insert")
    connection.rollback()
    connection.close()


def test_a_failed_commit_is_an_error_for_the_client(engine: ScriptedEngine, server: TdsServer) -> None:
    connection = connect(server, autocommit=False)
    connection.execute("insert")
    engine.fail_commit = SqlServerError(547, "The COMMIT failed.")
    with pytest.raises(pyodbc.Error, match="547"):
        connection.commit()
    assert engine.sessions[0].transaction_count == 0
    engine.fail_commit = None
    connection.close()


def test_a_cursor_is_cancelled_from_another_thread(engine: ScriptedEngine, connection: pyodbc.Connection) -> None:
    running = threading.Event()

    def script(session: ScriptedInterpreter, _: Parameterized) -> Iterator[Outcome]:
        running.set()
        assert session.cancelled.wait(30)
        raise SqlServerError(3617, "cancelled")
        yield

    engine.scripts["slow"] = script
    engine.answer("ok", *rows_of(T("int"), [1]))
    cursor = connection.cursor()

    def cancel() -> None:
        running.wait(30)
        cursor.cancel()

    canceller = threading.Thread(target=cancel)
    canceller.start()
    with pytest.raises(pyodbc.Error, match="HY008"):
        cursor.execute("slow")
    canceller.join()
    assert connection.execute("ok").fetchone()[0] == 1


def test_a_result_that_is_given_up_early_leaves_the_connection_usable(
    engine: ScriptedEngine, connection: pyodbc.Connection
) -> None:
    def script(_: ScriptedInterpreter, __: Parameterized) -> Iterator[Outcome]:
        yield ResultSet((Column("n", T("int")),), ([(number,)] * 1000 for number in range(1000)))
        yield StatementDone(Command.SELECT, 1_000_000)

    engine.scripts["endless"] = script
    engine.answer("ok", *rows_of(T("int"), [1]))
    cursor = connection.execute("endless")
    assert cursor.fetchone()[0] == 0
    cursor.close()
    assert connection.execute("ok").fetchone()[0] == 1


def test_executemany_runs_every_row(engine: ScriptedEngine, connection: pyodbc.Connection) -> None:
    connection.cursor().executemany("insert ?, ?", [(number, f"text {number}") for number in range(50)])
    values = [
        tuple(argument.value for argument in request.arguments)
        for request in engine.sessions[0].requests
        if request.text.startswith("insert")
    ]
    assert values == [(number, f"text {number}") for number in range(50)]


def test_thirty_connections_at_once(engine: ScriptedEngine, server: TdsServer) -> None:
    engine.scripts["q @P1"] = echo
    together = threading.Barrier(30)

    def client(number: int) -> int:
        connection = connect(server)
        together.wait(30)
        found: int = connection.execute("q ?", number).fetchone()[0]
        connection.close()
        return found

    with ThreadPoolExecutor(30) as pool:
        assert list(pool.map(client, range(30))) == list(range(30))
