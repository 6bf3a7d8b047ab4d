"""What real clients send: whole messages, recorded by `python -m tests.sandbox.record_traffic`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.sandbox.tds_bytes import packets

RECORDING = Path(__file__).parent / "traffic.txt"
_ROOM = 4088
"""Payload bytes of a packet of the default size."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One message of a client; `status` is that of its first packet."""

    client: str
    kind: int
    status: int
    payload: bytes

    def packets(self, room: int = _ROOM) -> bytes:
        """As it goes over the wire."""
        data = bytearray(packets(self.kind, self.payload, room))
        data[1] |= self.status
        return bytes(data)


@cache
def recorded() -> tuple[Sent, ...]:
    """All messages, in the order in which they were sent."""
    return tuple(_parse(line) for line in RECORDING.read_text().splitlines())


def _parse(line: str) -> Sent:
    client, kind, status, payload = line.split(" ")
    return Sent(client, int(kind), int(status), bytes.fromhex(payload))


def written(sent: Sent) -> str:
    """The line of one message in the recording."""
    return f"{sent.client} {sent.kind} {sent.status} {sent.payload.hex()}\n"
