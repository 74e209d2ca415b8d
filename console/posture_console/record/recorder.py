"""Writing a recording: everything that the console's store takes goes through here into pieces.

The loop only collects; compressing and writing is a thread's work, one flush at a time, so that a slow disk holds up
no key. Memory is bounded by what comes between two flushes.
"""

import asyncio
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from posture_console.core.store import Applied, SiteStore
from posture_console.core.whole import site_of
from posture_console.record.tape import Entry, begun, packed, size_of
from posture_shared import __version__
from posture_shared.exits import Exit, Stop
from posture_shared.messages.console import Event
from posture_shared.records import Result, Site

EVERY_S: Final = 2.0
"""How often what came goes to the disk."""

_KEY_EVERY_MS: Final = 30_000
_KEY_SHARE: Final = 3
"""A key is written when the events since the last one are so many times as large: seeking reads little, and keys take
a quarter of the file at most."""


class TapedStore(SiteStore):
    """A store that tells a recorder what it takes, while there is one."""

    def __init__(self) -> None:
        super().__init__()
        self.recorder: Recorder | None = None

    def load(self, site: Site, monotonic_s: float) -> None:
        """Take a snapshot, which begins a piece."""
        super().load(site, monotonic_s)
        if self.recorder is not None:
            self.recorder.loaded(site)

    def apply(self, event: Event, monotonic_s: float | None = None) -> Applied:
        """Take one event; those that were new to the store are recorded, heartbeats too."""
        applied = super().apply(event, monotonic_s)
        if self.recorder is not None and applied in {Applied.CHANGED, Applied.HEARTBEAT}:
            self.recorder.applied(event, self)
        return applied


class Recorder:
    """One recording that is being written. Only the loop calls its methods; `close` ends it."""

    def __init__(self, file: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.file = file
        self._clock = clock
        self.events = self.results = self.pictures = 0
        self.on_results: Callable[[list[Result]], None] | None = None
        self._tape = begun(file)
        self._entries: list[Entry] = []
        self._pieces: list[list[Entry]] = []
        self._rows: list[tuple[str, tuple[Any, ...]]] = []
        self._at_ms = self._key_ms = 0
        self._key_bytes = self._bytes = 0
        self._writing = asyncio.Lock()
        self._about(version=__version__, begun=datetime.now(UTC).isoformat())

    def begin(self, store: SiteStore) -> None:
        """Start with the site as it is known now, where the console knows it already."""
        site = site_of(store, store.now(self._clock()))
        if site is not None:
            self.loaded(site)

    def loaded(self, site: Site) -> None:
        """The master sent the whole state."""
        self._about(node=site.master.node)
        self._key(site, self._moment(site.at))

    def applied(self, event: Event, store: SiteStore) -> None:
        """The store took an event."""
        now = store.now(self._clock())
        at_ms = self._moment(now)
        self._entries.append(Entry(at_ms, event=event))
        self._bytes += size_of(event)
        self.events += 1
        self.results += len(event.results)
        if self.on_results is not None and event.results:
            self.on_results(event.results)
        if self._bytes > _KEY_SHARE * self._key_bytes and at_ms - self._key_ms >= _KEY_EVERY_MS:
            site = site_of(store, now)
            if site is not None:
                self._key(site, at_ms)

    def lost(self, reason: str, at: datetime) -> None:
        """The link to the master was lost; it was last heard at `at`."""
        self._entries.append(Entry(self._moment(at), lost=reason or "no word from the master"))

    def answered(self, what: str, body: Any) -> None:
        """What the master said to a question that the views ask."""
        if self._at_ms:
            self._rows.append(
                ("INSERT OR REPLACE INTO answer VALUES (?, ?, ?)", (what, self._at_ms, msgspec.msgpack.encode(body)))
            )

    def pictured(self, frame_id: str, jpeg: bytes) -> None:
        """The picture of a frame."""
        self.pictures += 1
        self._rows.append(("INSERT OR IGNORE INTO picture VALUES (?, ?)", (frame_id, jpeg)))

    def told(self, lines: Iterable[bytes]) -> None:
        """What placement was told, as lines of the former format."""
        data = b"".join(lines)
        if data:
            self._rows.append(("INSERT INTO placement (lines) VALUES (?)", (zlib.compress(data),)))

    async def flush(self) -> None:
        """Bring to the disk what came so far; a cancellation leaves the thread to finish its transaction.

        Raises:
            Stop: the disk refuses it.
        """
        await asyncio.shield(asyncio.ensure_future(self._flush()))

    async def _flush(self) -> None:
        async with self._writing:
            if self._entries:
                self._pieces.append(self._entries)
                self._entries = []
            pieces, self._pieces = self._pieces, []
            rows, self._rows = self._rows, []
            if not pieces and not rows:
                return
            try:
                await asyncio.to_thread(self._write, pieces, rows)
            except sqlite3.Error as error:
                raise Stop(f"{self.file} cannot be written any further: {error}", Exit.NOT_WELL) from None

    async def close(self) -> None:
        """Write the rest and let go of the file."""
        try:
            await self.flush()
        finally:
            self._tape.close()

    def _key(self, site: Site, at_ms: int) -> None:
        """Begin a piece with the whole site."""
        if self._entries:
            self._pieces.append(self._entries)
        self._entries = [Entry(at_ms, site=site)]
        self._key_ms, self._key_bytes, self._bytes = at_ms, size_of(site), 0

    def _moment(self, at: datetime) -> int:
        """`at` in milliseconds, never before what is written already: a master's clock may be set back."""
        self._at_ms = max(self._at_ms, int(at.timestamp() * 1000))
        return self._at_ms

    def _about(self, **values: str) -> None:
        self._rows += [("INSERT OR REPLACE INTO about VALUES (?, ?)", pair) for pair in values.items()]

    def _write(self, pieces: list[list[Entry]], rows: list[tuple[str, tuple[Any, ...]]]) -> None:
        """In a thread: one transaction."""
        made = [packed(entries) for entries in pieces]
        with self._tape:
            self._tape.executemany(
                "INSERT INTO piece (since_ms, until_ms, is_key, entries) VALUES (?, ?, ?, ?)",
                [(piece.since_ms, piece.until_ms, piece.is_key, piece.entries) for piece in made],
            )
            for statement, values in rows:
                self._tape.execute(statement, values)
