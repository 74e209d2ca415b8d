"""The verbs `record` and `replay`: what placement was told goes into a file, and is tried with other rules."""

import asyncio
import contextlib
import time
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from posture_console.core.quantities import duration, moment
from posture_console.headless.output import say_facts, say_json
from posture_console.headless.visit import answered
from posture_console.links.master_link import MasterLink
from posture_console.record.file import Told, head_line, read, told
from posture_console.record.what_if import Verdict, tried
from posture_shared.exits import Exit, Stop

EVERY_S: Final = 2.0
_MARKS: Final = {"same": "=", "gone": "−", "new": "+"}


class _Writer:
    """Follows the master's ring into a file; knows up to where it is."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self.events = 0
        self._epoch, self._next = "", 0

    async def take(self, link: MasterLink, timeout_s: float) -> None:
        """Write what is new, and see that it is on its way to the disk."""
        while True:
            body = await answered(link, "recording", timeout_s, since=self._next, epoch=self._epoch)
            piece = told(body)
            self._write(piece, link)
            if not piece.more:
                break
        self._out.flush()

    def _write(self, piece: Told, link: MasterLink) -> None:
        if piece.state is not None and (piece.epoch, piece.first) != (self._epoch, self._next):
            connection = link.connection
            head = head_line(node=connection.node, epoch=piece.epoch, build=connection.build, state=piece.state)
            self._out.write(head)
        self._out.writelines(line.encode() + b"\n" for line in piece.events)
        self.events += len(piece.events)
        self._epoch, self._next = piece.epoch, piece.next


async def record(link: MasterLink, *, as_json: bool, timeout_s: float, file: Path, seconds: float | None) -> None:
    """Write what the master holds of the past, then follow for `seconds`, or until Ctrl-C."""
    ends_s = None if seconds is None else time.monotonic() + seconds
    with _opened(file) as out:
        writer = _Writer(out)
        await writer.take(link, timeout_s)
        with contextlib.suppress(asyncio.CancelledError):  # Ctrl-C is how a recording usually ends
            while ends_s is None or time.monotonic() < ends_s:
                await asyncio.sleep(EVERY_S if ends_s is None else min(EVERY_S, max(0.0, ends_s - time.monotonic())))
                await link.wait_live()
                with contextlib.suppress(Stop):  # the master is away: it holds what comes meanwhile
                    await writer.take(link, timeout_s)
    if as_json:
        say_json({"file": str(file), "events": writer.events})
        return
    say_facts(
        [("recorded", f"{writer.events} events in {file}"), ("try", f"posture-console replay {file} --set high=70")]
    )


def _opened(file: Path) -> BinaryIO:
    try:
        return file.open("xb")
    except FileExistsError:
        raise Stop(f"{file} exists: choose another name, or remove it", Exit.USAGE) from None
    except OSError as error:
        raise Stop(f"{file} cannot be written: {error.strerror}", Exit.USAGE) from None


def replay(file: Path, changes: tuple[str, ...], *, as_json: bool) -> None:
    """Print the decisions of a recording and, with changes, which of them would be others."""
    verdict = tried(read(file), changes)
    if as_json:
        say_json(msgspec.to_builtins(verdict))
        return
    say_facts(_summary(verdict))
    for line in verdict.lines():
        found = line.decision
        mark = f"{_MARKS[line.change]} " if verdict.changes else ""
        say_facts([(f"{mark}{moment(found.at)}", f"{found.source} → {found.target}  {found.reason}")])


def _summary(verdict: Verdict) -> list[tuple[str, str]]:
    lasted = duration((verdict.until - verdict.since).total_seconds())
    facts = [("recording", f"{moment(verdict.since)} to {moment(verdict.until)}, {lasted}")]
    if not verdict.changes:
        return [*facts, ("moves", f"{len(verdict.recorded)} decisions moved cameras")]
    given = ", ".join(f"{name}={value}" for name, value in verdict.changes.items())
    was, would = (duration(seconds) for seconds in verdict.over_high_s)
    fewer, more = len(verdict.gone), len(verdict.new)
    moves = f"{len(verdict.recorded)} in fact, {len(verdict.supposed)} so: {fewer} fall away (−), {more} are new (+)"
    return [
        *facts,
        ("what if", given),
        ("moves", moves),
        ("at high", f"the master {was} in fact, {would} so, at or above the recorded high"),
        ("mind", verdict.caveat),
    ]
