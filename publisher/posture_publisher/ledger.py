"""The ledger: one JSON line for every frame that was published, appended before its first PUBLISH.

It is what "nothing was lost" is counted against. Each line is flushed to the operating system, so that it survives
the death of the process; it is not forced to the card.
"""

import json
import os
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Final, TextIO

from posture_publisher.wire import FrameKey
from posture_shared.exits import Exit, Stop

ROTATE_BYTES: Final = 32 * 1024 * 1024
"""Size at which the spool's own ledger starts a new file; the previous one is kept as `.1`."""


class Ledger:
    """Append-only record of published frames; without a file it records nothing."""

    def __init__(self, file: Path | None, *, pi_id: str, rotate_bytes: int | None = None) -> None:
        """Open `file` for appending.

        Args:
            file: where to write; None: nowhere.
            pi_id: the camera, written into each line.
            rotate_bytes: keep the file below this size, bytes; None: it grows without end.

        Raises:
            Stop: the file cannot be written.
        """
        self._file, self._pi_id, self._rotate_bytes = file, pi_id, rotate_bytes
        self._out: TextIO | None = _open(file) if file is not None else None

    def append(self, key: FrameKey, *, frame_id: str, captured: datetime) -> None:
        """Record that this frame is being published for the first time."""
        if self._out is None or self._file is None:
            return
        if self._rotate_bytes is not None and self._out.tell() >= self._rotate_bytes:
            self._out.close()
            self._file.replace(_previous(self._file))
            self._out = _open(self._file)
        line = {
            "pi_id": self._pi_id,
            "run": key.run,
            "seq": key.seq,
            "frame_id": frame_id,
            "captured": captured.isoformat(),
        }
        self._out.write(json.dumps(line) + "\n")
        self._out.flush()

    def close(self) -> None:
        """Close the file."""
        if self._out is not None:
            self._out.close()
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
    return {
        FrameKey(str(entry["run"]), int(entry["seq"]))
        for part in (_previous(file), file)
        if wanted and part.is_file()
        for entry in entries(part)
        if entry.get("run") in wanted
    }


def _previous(file: Path) -> Path:
    return file.with_name(file.name + ".1")


def _open(file: Path) -> TextIO:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        out = file.open("a", encoding="utf-8")
    except OSError as error:
        raise Stop(f"the ledger {file} cannot be written: {error.strerror}", Exit.USAGE) from None
    out.seek(0, os.SEEK_END)
    return out
