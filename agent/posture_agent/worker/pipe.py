"""What a worker's parent and its analysis child say to each other over a socket pair.

Each message is two lengths (big-endian, 4 bytes each), a msgpack header, and a body: the JPEG or nothing. Only
these two processes of one release speak it, so there is no version. End of file means that the other side died.
"""

import socket
import struct
import threading
from datetime import datetime
from typing import Any, Final

import msgspec

from posture_shared.messages.worker import Analysis, Baseline

LENGTHS: Final = struct.Struct("!II")


class Setup(msgspec.Struct, frozen=True, tag="SETUP"):
    """First message to the child: what to load."""

    model: str
    mode: str
    threads: int
    settings: dict[str, Any]


class Work(msgspec.Struct, frozen=True, kw_only=True, tag="WORK"):
    """Analyse the body. `ticket` is the parent's own number: leases of two masters may be equal."""

    ticket: int
    pi_id: str
    run: str | None
    seq: int | None
    captured: datetime | None
    tracking: bool
    baseline: Baseline | None


class GiveBack(msgspec.Struct, frozen=True, tag="GIVE-BACK"):
    """Name the work that no thread has taken, and forget it."""


class Loaded(msgspec.Struct, frozen=True, tag="LOADED"):
    """The model is loaded in every thread."""


class Unable(msgspec.Struct, frozen=True, tag="UNABLE"):
    """The child cannot work and ends: a sentence for the person who must act."""

    reason: str


class Taken(msgspec.Struct, frozen=True, tag="TAKEN"):
    """A thread took the work."""

    ticket: int


class Found(msgspec.Struct, frozen=True, tag="FOUND"):
    """The outcome; the body is the annotated JPEG."""

    ticket: int
    analysis: Analysis


class GivenBack(msgspec.Struct, frozen=True, tag="GIVEN-BACK"):
    """Work that no thread took and none will take."""

    tickets: list[int]


ToChild = Setup | Work | GiveBack
FromChild = Loaded | Unable | Taken | Found | GivenBack

_encoder = msgspec.msgpack.Encoder()
to_child: Final[msgspec.msgpack.Decoder[ToChild]] = msgspec.msgpack.Decoder(ToChild)
from_child: Final[msgspec.msgpack.Decoder[FromChild]] = msgspec.msgpack.Decoder(FromChild)


def pack(message: ToChild | FromChild, body: bytes = b"") -> bytes:
    """`message` and `body` as they travel."""
    header = _encoder.encode(message)
    return b"".join((LENGTHS.pack(len(header), len(body)), header, body))


class ChildEnd:
    """The child's end: blocking, one reader, any number of writers."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._reader = connection.makefile("rb", buffering=1 << 17)
        self._writing = threading.Lock()

    def receive(self) -> tuple[ToChild, bytes] | None:
        """The next message, None when the parent is gone."""
        lengths = self._reader.read(LENGTHS.size)
        if len(lengths) < LENGTHS.size:
            return None
        header_size, body_size = LENGTHS.unpack(lengths)
        header, body = self._reader.read(header_size), self._reader.read(body_size)
        if len(header) < header_size or len(body) < body_size:
            return None
        return to_child.decode(header), body

    def send(self, *packed: bytes) -> None:
        """Send messages that are packed, as one; raises OSError when the parent is gone."""
        together = b"".join(packed)
        with self._writing:
            self._connection.sendall(together)
