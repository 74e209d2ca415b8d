"""The ledger: one JSON line for every frame that was published, appended before its first PUBLISH.

It is what "nothing was lost" is counted against. Each line is handed to the operating system, so that it survives
the death of the process; it is not forced to the card. Lines that the card does not take wait until it does.
"""

import contextlib
import errno
import json
import logging
from collections.abc import Collection
from datetime import datetime
from io import FileIO
from pathlib import Path
from typing import Final

from posture_publisher.wire import FrameKey
from posture_shared.exits import Exit, Stop
from posture_shared.log import RateLimit

log = logging.getLogger(__name__)

ROTATE_BYTES: Final = 32 * 1024 * 1024
"""Size at which the spool's own ledger starts a new file; the previous one is kept as `.1`."""
_WAITING_BYTES: Final = 1024 * 1024
"""The most that waits for a card: some thousand lines. A frame without a line is sent again after a restart."""
_OF_THE_CARD: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})
"""What may pass; anything else is a wrong setting."""


class Ledger:
    """Append-only record of published frames; without a file it records nothing."""

    def __init__(self, file: Path | None, *, pi_id: str, rotate_bytes: int | None = None) -> None:
        """Open `file` for appending.

        Args:
            file: where to write; None: nowhere.
            pi_id: the camera, written into each line.
            rotate_bytes: keep the file below this size, bytes: the spool's own, which waits for its folder; None: it
                grows without end, and was asked for by its name.

        Raises:
            Stop: the file that was asked for cannot be written.
        """
        self._file, self._pi_id, self._rotate_bytes = file, pi_id, rotate_bytes
        self._out: FileIO | None = None
        self._waiting = bytearray()
        self._complaints = RateLimit(burst=1, period_s=60.0)
        try:
            self._open()
        except OSError as error:
            if rotate_bytes is None and error.errno not in _OF_THE_CARD:
                raise Stop(f"the ledger {file} cannot be written: {error.strerror}", Exit.USAGE) from None

    def append(self, key: FrameKey, *, frame_id: str, captured: datetime) -> None:
        """Record that this frame is being published for the first time."""
        if self._file is None:
            return
        line = {
            "pi_id": self._pi_id,
            "run": key.run,
            "seq": key.seq,
            "frame_id": frame_id,
            "captured": captured.isoformat(),
        }
        encoded = json.dumps(line).encode() + b"\n"
        if len(self._waiting) + len(encoded) <= _WAITING_BYTES:
            self._waiting += encoded
        self.flush()

    def flush(self) -> None:
        """Write what waits, as far as the card takes it."""
        try:
            while self._waiting:
                self._rotate()
                out = self._open()
                if out is None:
                    return
                del self._waiting[: out.write(self._waiting)]
        except OSError as error:
            allowed, _ = self._complaints.allow()
            if allowed:
                log.warning("ledger cannot be written error=%s waiting_bytes=%d", error.strerror, len(self._waiting))

    def close(self) -> None:
        """Close the file."""
        self.flush()
        if self._out is not None:
            with contextlib.suppress(OSError):
                self._out.close()
            self._out = None

    def _open(self) -> FileIO | None:
        if self._out is None and self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._out = FileIO(self._file, "a")
        return self._out

    def _rotate(self) -> None:
        out, file = self._out, self._file
        if out is None or file is None or self._rotate_bytes is None or out.tell() < self._rotate_bytes:
            return
        file.replace(_previous(file))
        out.close()
        self._out = None


def entries(file: Path) -> list[dict[str, str | int]]:
    """The lines of a ledger; a last line cut by a crash is left out."""
    found: list[dict[str, str | int]] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def published_before(file: Path, runs: Collection[str]) -> set[FrameKey]:
    """Which frames of `runs` an earlier start of the publisher wrote into `file`."""
    wanted = set(runs)
    try:
        return {
            FrameKey(str(entry["run"]), int(entry["seq"]))
            for part in (_previous(file), file)
            if wanted and part.is_file()
            for entry in entries(part)
            if entry.get("run") in wanted
        }
    except OSError as error:
        log.warning("ledger unreadable file=%s error=%s; its frames are sent again", file.name, error.strerror)
        return set()


def _previous(file: Path) -> Path:
    return file.with_name(file.name + ".1")
