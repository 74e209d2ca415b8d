"""Frames that wait for analysis for long, kept with their pictures in `posture.db` until their rows are there.

What is kept here is durable, so its delivery may be acknowledged: a camera that is held up does not hold up the
acknowledgements of all others. Writes go through the committer.
"""

import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from posture_agent.frames.accepted import AcceptedFrame
from posture_agent.store import rows
from posture_agent.store.delivery import Delivery
from posture_agent.store.outbox import Outbox

Job = Callable[[sqlite3.Connection], None]

_COLUMNS: Final = (
    *("frame_id", "pi_id", "run", "seq", "captured", "received_at", "width", "height", "packet", "sha256"),
    "jpeg",
)
_KEEP: Final = f"INSERT OR IGNORE INTO waiting_frames ({rows.columns(_COLUMNS)}) VALUES ({rows.marks(_COLUMNS)})"  # noqa: S608 - names are ours
_DROP: Final = "DELETE FROM waiting_frames WHERE frame_id = ?"
_DONE: Final = "DELETE FROM waiting_frames WHERE frame_id IN (SELECT frame_id FROM posture_log)"
_LOAD: Final = (
    f"SELECT {rows.columns(_COLUMNS[:-1])} FROM waiting_frames"  # noqa: S608 - names are ours
    " WHERE frame_id NOT IN (SELECT frame_id FROM posture_log) ORDER BY rowid"
)


class Waiting(NamedTuple):
    """A frame, and how it was delivered where it has no identity of its own."""

    frame: AcceptedFrame
    delivery: Delivery | None


class WaitingFrames:
    """The frames of one data folder.

    Args:
        outbox: the opened data folder. write: runs a job on the writing connection, done when it is durable.
    """

    def __init__(self, outbox: Outbox, write: Callable[[Job], Future[None]]) -> None:
        self._reader, self._write = outbox.reader(), write

    def keep(self, waiting: Sequence[Waiting]) -> Future[None]:
        """Keep frames; done when they are durable."""
        values = [_values(*one) for one in waiting]
        return self._write(lambda connection: _each(connection, _KEEP, values))

    def drop(self, frame_ids: Sequence[str]) -> Future[None]:
        """Forget frames that have their rows."""
        return self._write(lambda connection: _erase(connection, _DROP, [(frame_id,) for frame_id in frame_ids]))

    def load(self) -> list[Waiting]:
        """What an earlier master left, in order of receipt, without the pictures."""
        found = [_waiting(values) for values in self._reader.execute(_LOAD)]
        self._write(lambda connection: _erase(connection, _DONE, [()]))
        return found

    def picture(self, frame_id: str) -> bytes | None:
        """The picture of a frame; None where it was removed, with all that its camera saw."""
        found = self._reader.execute("SELECT jpeg FROM waiting_frames WHERE frame_id = ?", (frame_id,)).fetchone()
        return found[0] if found else None

    def bytes_kept(self) -> int:
        """What the pictures take up."""
        [(size,)] = self._reader.execute("SELECT coalesce(sum(length(jpeg)), 0) FROM waiting_frames")
        return int(size)

    def close(self) -> None:
        """Give the connection back."""
        self._reader.close()


def _each(connection: sqlite3.Connection, statement: str, values: Sequence[tuple[object, ...]]) -> None:
    connection.executemany(statement, values)


def _erase(connection: sqlite3.Connection, statement: str, values: Sequence[tuple[object, ...]]) -> None:
    """Delete, and overwrite: these pictures are as they came from the camera, with faces."""
    connection.execute("PRAGMA secure_delete = ON")
    _each(connection, statement, values)
    connection.execute("PRAGMA secure_delete = OFF")


def _values(frame: AcceptedFrame, delivery: Delivery | None) -> tuple[object, ...]:
    captured = None if frame.captured is None else rows.text(frame.captured)
    packet, sha256 = (None, None) if delivery is None else (delivery.packet, delivery.sha256)
    who = (frame.frame_id, frame.pi_id, frame.run, frame.seq, captured, rows.text(frame.received_at))
    return (*who, frame.width, frame.height, packet, sha256, frame.jpeg)


def _waiting(values: tuple[Any, ...]) -> Waiting:
    frame_id, pi_id, run, seq, captured, received, width, height, packet, sha256 = values
    received_at = datetime.fromisoformat(received)
    frame = AcceptedFrame(
        frame_id=frame_id,
        pi_id=pi_id,
        run=run,
        seq=seq,
        captured=None if captured is None else datetime.fromisoformat(captured),
        jpeg=b"",
        received_at=received_at,
        received_s=time.monotonic() - max(0.0, (datetime.now(UTC) - received_at).total_seconds()),
        width=width,
        height=height,
    )
    return Waiting(frame, None if packet is None else Delivery(packet, sha256, pi_id))


def without_picture(frame: AcceptedFrame) -> AcceptedFrame:
    """A kept frame as it waits in memory."""
    return replace(frame, jpeg=b"")
