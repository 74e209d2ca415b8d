"""What placement was told, as lines of JSON: once the whole of a recording, now a part of it. Both are read here.

A line with `recording` begins a stretch: the version of the format, whose it is, and the placement state before its
first event. The lines after it are the events, as `posture_shared.placement.events` has them. A master that started
again, or a gap, begins another stretch. Reading stands a last line that was cut off, as by a full disk or a kill.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from posture_console.record.event_log import EventLog
from posture_console.record.recording import Recording, is_tape
from posture_shared.exits import Exit, Stop
from posture_shared.placement import state as states
from posture_shared.placement.state import State

VERSION: Final = 1


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """Begins a stretch. `state` is the placement state as JSON text, None where it is not known."""

    recording: int = VERSION
    node: str
    epoch: str
    build: str
    state: str | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Events without a gap, and the state before the first."""

    head: Head
    initial: State | None
    log: EventLog = field(default_factory=EventLog)

    @property
    def span(self) -> tuple[datetime, datetime] | None:
        """From the first event to the last; None where there is none."""
        if not self.log:
            return None
        return datetime.fromtimestamp(self.log[0].at_s, UTC), datetime.fromtimestamp(self.log[-1].at_s, UTC)


def head_line(*, node: str, epoch: str, build: str, state: str | None) -> bytes:
    """The line that begins a stretch."""
    return msgspec.json.encode(Head(node=node, epoch=epoch, build=build, state=state)) + b"\n"


def read(file: Path) -> list[Stretch]:
    """The stretches of a recording, those with events.

    Raises:
        Stop: it cannot be read, or is no recording; the sentence names the line.
    """
    found = list(_stretches(file, _lines(file)))
    if not found and not file.stat().st_size:
        raise Stop(f"{file} is empty: nothing was recorded into it", Exit.USAGE)
    if not any(stretch.log for stretch in found):
        raise Stop(f"{file} holds nothing of what placement was told, so there is no what-if", Exit.USAGE)
    return [stretch for stretch in found if stretch.log]


def _lines(file: Path) -> Iterator[bytes]:
    if is_tape(file):
        with Recording(file) as recording:
            for part in recording.placement():
                yield from part.splitlines()
        return
    try:
        with file.open("rb") as found:
            yield from (line.rstrip(b"\r\n") for line in found)
    except OSError as error:
        raise Stop(f"{file} cannot be read: {error.strerror}", Exit.USAGE) from None


def _marked_last(lines: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each line, and whether it is the last one."""
    before = next(lines, None)
    while before is not None:
        line = next(lines, None)
        yield before, line is None
        before = line


def _stretches(file: Path, lines: Iterator[bytes]) -> Iterator[Stretch]:
    current: Stretch | None = None
    for number, (line, is_last) in enumerate(_marked_last(lines), start=1):
        try:
            begun = _begun(line) if current is None or b'"recording"' in line[:16] else None
            if current is not None and begun is None:
                current.log.add(line)
        except (msgspec.DecodeError, ValueError) as error:
            if is_last and current is not None:
                break
            raise Stop(
                f"{file}, line {number}, is no recording of a console or of placement: {error}", Exit.USAGE
            ) from None
        if begun is not None:
            if current is not None:
                yield current
            current = begun
    if current is not None:
        yield current


def _begun(line: bytes) -> Stretch:
    head = msgspec.json.decode(line, type=Head)
    if head.recording != VERSION:
        raise ValueError(f"it has the version {head.recording}, this console reads {VERSION}")
    return Stretch(head, None if head.state is None else states.decode(head.state))


def told(body: Any) -> "Told":
    """The master's answer to the query `recording`. Raises msgspec.ValidationError where it makes no sense."""
    return msgspec.convert(body, Told)


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of what the master holds: events from number `first` on; `state` where a stretch begins."""

    epoch: str
    first: int
    next: int
    more: bool
    events: list[str]
    state: str | None = None
