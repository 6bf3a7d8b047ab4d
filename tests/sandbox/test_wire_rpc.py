"""RPC and transaction manager messages as bytes (MS-TDS 2.2.6.6, 2.2.6.9)."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

import pytest

from etl.sandbox.errors import SqlServerError
from etl.sandbox.outcomes import Argument, Isolation
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.wire.fields import ProtocolError
from etl.sandbox.wire.login7 import read_login7
from etl.sandbox.wire.packets import MessageAssembler
from etl.sandbox.wire.prelogin import read_prelogin
from etl.sandbox.wire.rpc import Call, read_calls
from etl.sandbox.wire.transactions import Begin, TransactionRequest, TransactionRequestKind, read_transaction_request
from tests.sandbox import tds_bytes
from tests.sandbox.tds_bytes import ALL_HEADERS, call, integer, named_call, nvarchar, parameter

INT = SqlType("int")
TEXT = SqlType("nvarchar", 4000)


def test_a_call_by_number_with_names_nulls_and_outputs() -> None:
    payload = call(13, integer(None, status=1), nvarchar("@P1 int"), nvarchar("select @P1"), integer(7, "@P1"))
    assert read_calls(payload) == [
        Call(
            "sp_prepexec",
            (
                Argument(None, INT, "", output=True),
                Argument("@P1 int", TEXT),
                Argument("select @P1", TEXT),
                Argument(7, INT, "@P1"),
            ),
        )
    ]


def test_a_call_by_name() -> None:
    assert read_calls(named_call("[dbo].sp_x", nvarchar(None, "@a"))) == [
        Call("[dbo].sp_x", (Argument(None, TEXT, "@a"),))
    ]


def test_a_parameter_array_is_many_calls() -> None:
    second = struct.pack("<HHH", 0xFFFF, 12, 0) + integer(1) + integer(6)
    calls = read_calls(call(12, integer(1), integer(5)) + b"\xff" + second + b"\xff")
    assert [(one.procedure, one.arguments[1].value) for one in calls] == [("sp_execute", 5), ("sp_execute", 6)]


def test_an_invalid_value_is_error_8023_with_its_parameter() -> None:
    with pytest.raises(SqlServerError) as caught:
        read_calls(call(10, nvarchar("x"), parameter(b"\x28", b"\x03\xff\xff\xff", "@day")))
    assert caught.value.number == 8023
    assert 'Parameter 2 ("@day")' in caught.value.message
    assert "data type date" in caught.value.message


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (call(10, parameter(b"\x38", b"\0\0\0\0", status=2)), "passed as DEFAULT"),
        (call(10, parameter(b"\x38", b"\0\0\0\0", status=8)), "an encrypted parameter"),
        (call(10, parameter(b"\xf3", b"")), "table-valued"),
        (call(10, nvarchar("x")) + b"\xfe" + call(10)[22:], "no-execute"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(payload: bytes, reason: str) -> None:
    with pytest.raises(SqlServerError, match=f"sandbox: .*{reason}.* not supported"):
        read_calls(payload)


@pytest.mark.parametrize("payload", [b"", ALL_HEADERS, call(99), call(10, b"\0"), call(10, nvarchar("abc"))[:-1]])
def test_malformed_calls_are_protocol_errors(payload: bytes) -> None:
    with pytest.raises(ProtocolError):
        read_calls(payload)


def test_more_parameters_than_sql_server_takes_are_refused() -> None:
    with pytest.raises(ProtocolError, match="2110"):
        read_calls(call(10, *[integer(1)] * 2111))


KIND = TransactionRequestKind


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("0500" + "02" + "00", TransactionRequest(KIND.BEGIN, begin=Begin(Isolation.READ_COMMITTED, ""))),
        ("0500" + "05" + "01" + "7400", TransactionRequest(KIND.BEGIN, begin=Begin(Isolation.SNAPSHOT, "t"))),
        ("0700" + "00" + "00", TransactionRequest(KIND.COMMIT)),
        ("0700" + "00" + "01" + "00" + "00", TransactionRequest(KIND.COMMIT, begin=Begin(Isolation.CURRENT, ""))),
        ("0800" + "01" + "7300" + "00", TransactionRequest(KIND.ROLLBACK, "s")),
        ("0900" + "01" + "7300", TransactionRequest(KIND.SAVE, "s")),
    ],
)
def test_transaction_requests(body: str, expected: TransactionRequest) -> None:
    assert read_transaction_request(ALL_HEADERS + bytes.fromhex(body)) == expected


@pytest.mark.parametrize("body", ["", "6300", "0500" + "06" + "00", "0700", "0800" + "01" + "73"])
def test_malformed_transaction_requests(body: str) -> None:
    with pytest.raises(ProtocolError):
        read_transaction_request(ALL_HEADERS + bytes.fromhex(body))


def test_distributed_transactions_are_refused_by_name() -> None:
    with pytest.raises(SqlServerError, match="a distributed transaction is not supported"):
        read_transaction_request(ALL_HEADERS + b"\x00\x00")


SEEDS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "packets": (lambda data: MessageAssembler(4096).feed(data), tds_bytes.packets(3, bytes(300), 100)),
    "prelogin": (read_prelogin, tds_bytes.prelogin()),
    "login": (read_login7, tds_bytes.login7(features=b"\x0a\x01\0\0\0\x01\xff")),
    "transaction": (read_transaction_request, ALL_HEADERS + bytes.fromhex("0700" + "00" + "01" + "02" + "017400")),
    "call": (
        read_calls,
        call(
            13,
            integer(None, status=1),
            nvarchar("@P1 int, @P2 decimal(9,2)"),
            nvarchar("select"),
            parameter(bytes.fromhex("6a110902"), bytes.fromhex("0501f4010000")),
            parameter(bytes.fromhex("2b07"), bytes.fromhex("0a" + "00" * 8 + "4a01")),
            parameter(
                bytes.fromhex("e7ffff0904d00034"), bytes.fromhex("0200000000000000" + "02000000" + "6100" + "00" * 4)
            ),
            parameter(bytes.fromhex("630000000a0904d00034"), bytes.fromhex("020000006100")),
        ),
    ),
}


@pytest.mark.parametrize("name", SEEDS)
def test_mutated_messages_raise_nothing_but_the_two_errors(name: str) -> None:
    parse, seed = SEEDS[name]
    parse(seed)
    chance = random.Random(20240229)
    for _ in range(1500):
        data = bytearray(seed)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.choice([0, 1, 0x7F, 0x80, 0xFE, 0xFF, chance.randrange(256)])
        if chance.random() < 0.3:
            del data[chance.randrange(len(data)) :]
        try:
            parse(bytes(data))
        except (ProtocolError, SqlServerError):
            continue
