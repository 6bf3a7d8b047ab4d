"""PRELOGIN and LOGIN7 as bytes (MS-TDS 2.2.6.4, 2.2.6.5)."""

from __future__ import annotations

import struct

import pytest

from etl.sandbox.wire.fields import ProtocolError
from etl.sandbox.wire.login7 import granted_packet_bytes, read_login7, reveal_password
from etl.sandbox.wire.prelogin import Encryption, Prelogin, prelogin_response, read_prelogin
from tests.sandbox.tds_bytes import hide_password, login7, prelogin


def test_the_clients_word_on_encryption_is_read() -> None:
    assert read_prelogin(prelogin(encryption=1)) == Prelogin(Encryption.ON)
    assert read_prelogin(prelogin(encryption=0x83)) == Prelogin(Encryption.REQUIRED, client_certificate=True)


def test_the_answer_reads_back() -> None:
    assert read_prelogin(prelogin_response(Encryption.NOT_SUPPORTED)) == Prelogin(Encryption.NOT_SUPPORTED)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x00\x00\x06\x00",
        prelogin()[:-1],
        prelogin(encryption=9),
        prelogin(encryption=0x20),
        b"\x01\xff\xff\xff\xff\xff",
        b"\x01\x00\x06\x00\x01\xff\x00",  # no version
    ],
)
def test_a_malformed_prelogin_is_refused(payload: bytes) -> None:
    with pytest.raises(ProtocolError):
        read_prelogin(payload)


def test_the_password_obfuscation_is_the_documented_one() -> None:
    # "a" is 0x61 0x00: nibbles swapped 0x16 0x00, XOR 0xA5 gives 0xB3 0xA5.
    assert reveal_password(b"\xb3\xa5") == b"a\0"
    assert reveal_password(hide_password("pä😀")).decode("utf-16-le") == "pä😀"


def test_a_login_is_read_and_its_password_hidden() -> None:
    login = read_login7(login7("us€r", "pass", "db", packet_bytes=8000, features=b"\x0a\x01\0\0\0\x01\xff"))
    assert (login.user, login.password, login.database) == ("us€r", "pass", "db")
    assert (login.packet_bytes, login.tds_version, login.features) == (8000, 0x74000004, {0x0A: b"\x01"})
    assert not login.integrated_security
    assert not login.change_password
    assert "pass" not in repr(login).replace("change_password", "")


@pytest.mark.parametrize(("asked", "granted"), [(0, 4096), (1, 512), (512, 512), (16384, 16384), (40000, 32767)])
def test_packet_sizes_are_brought_into_bounds(asked: int, granted: int) -> None:
    assert granted_packet_bytes(asked) == granted


def test_a_packet_of_an_encrypted_connection_is_no_longer_than_a_record() -> None:
    assert [granted_packet_bytes(asked, encrypted=True) for asked in (0, 1, 16383, 32767)] == [4096, 512, 16383, 16383]


def test_every_truncated_login_is_refused() -> None:
    whole = login7(features=b"\x0a\x01\0\0\0\x01\xff")
    for length in range(len(whole)):
        with pytest.raises(ProtocolError):
            read_login7(whole[:length])


def test_a_field_outside_of_the_message_is_refused() -> None:
    payload = bytearray(login7())
    struct.pack_into("<HH", payload, 40, 90, 60000)
    with pytest.raises(ProtocolError, match="field at 40"):
        read_login7(bytes(payload))
