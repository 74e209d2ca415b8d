"""What the console costs, measured where it is used: in a real terminal, against a master that sends real events.

    python benchmarks/console_load.py [--seconds 10] [--json]

For each load, and with the Overview or the Log on top, it starts the console in a pseudo terminal of 140 × 50 and
measures its CPU time, the bytes it writes, the time from start to the first live row, and the time from a key to its
paint: one that changes the view, the cursor's in the Log, a letter typed into the filter there. What is painted is read
off an emulated screen; the time is that at which its bytes had come. The master is the tests' own, invented.
"""

import argparse
import contextlib
import fcntl
import json
import os
import pty
import queue
import random
import signal
import statistics
import struct
import subprocess
import sys
import termios
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import pyte

ROOT = Path(__file__).parent.parent
SIZE = (50, 140)
FIRST_ROW_S, KB_PER_S, KEY_MS_P95 = 1.5, 60.0, 50.0
KEYS = 40
"""Keys of each kind that are pressed."""
CHANCE = random.Random(1)  # noqa: S311 - evenly spaced keys would meet the console's four flushes a second in step
_HINT = "field:value"
"""Stands in a filter line without a letter."""


class Load(NamedTuple):
    """What the master does, and the view on top meanwhile."""

    master: list[str]
    view: bytes
    cpu_percent: float


_FEW = ["--cameras", "4", "--nodes", "3"]
_MANY = ["--cameras", "20", "--nodes", "20", "--fps", "2.5", "--step", "0.05"]
LOADS = {
    "idle": Load([*_FEW, "--quiet"], b"1", 2.0),
    "8 results/s": Load([*_FEW, "--fps", "2"], b"1", 15.0),
    "50 results/s": Load(_MANY, b"1", 15.0),
    "50 results/s, Log": Load(_MANY, b"6", 15.0),
}


class Paints(NamedTuple):
    """Milliseconds from a key to its paint: medians and 95th percentiles by kind of key, and CPU a key."""

    p50: dict[str, float]
    p95: dict[str, float]
    cpu: float


class Measured(NamedTuple):
    load: str
    first_row_s: float
    cpu_percent: float
    kb_per_s: float
    key_to_paint_ms_p50: dict[str, float]
    key_to_paint_ms_p95: dict[str, float]
    key_cpu_ms: float
    rss_mb: float


class Terminal:
    """The console in a pseudo terminal. A thread reads what it writes as it comes; `pump` looks at it when asked to."""

    def __init__(self, address: str) -> None:
        self.written = 0
        self.read_s = 0.0
        """When bytes came last."""
        self.screen = pyte.Screen(SIZE[1], SIZE[0])
        self._stream = pyte.ByteStream(self.screen)
        self.started = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", COLUMNS="140", LINES="50")
            os.execv(  # noqa: S606 - no shell is wanted
                sys.executable,
                [sys.executable, "-c", "from posture_console.cli import main; main()", "--connect", address],
            )
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
        os.kill(self.pid, signal.SIGWINCH)
        self._read: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
        threading.Thread(target=self._read_on, daemon=True).start()

    @property
    def text(self) -> str:
        """What the screen shows."""
        return "\n".join(self.screen.display)

    @property
    def cursor_row(self) -> str:
        """The row of the table under the cursor: the one on a ground of its own."""
        grounds = {line: self.screen.buffer[line][10].bg for line in range(4, SIZE[0] - 3)}
        count = Counter(grounds.values())
        return next((self.screen.display[line][:60] for line, bg in grounds.items() if count[bg] == 1), "")

    def pump(self, seconds: float, until: Callable[[], bool] | None = None) -> bool:
        """Read for so long, or until that holds of the screen; says whether it does."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                self.read_s, data = self._read.get(timeout=left)
                self._stream.feed(data)
                if until is not None and until():
                    return True
        return until is None

    def _read_on(self) -> None:
        with contextlib.suppress(OSError):
            while data := os.read(self.fd, 65536):
                self._read.put((time.monotonic(), data))
                self.written += len(data)

    def press(self, key: bytes) -> None:
        os.write(self.fd, key)

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


@contextlib.contextmanager
def fake_master(options: list[str]) -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "tests/support/fake_master.py"), *options],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def measure(name: str, seconds: float) -> Measured:
    load = LOADS[name]
    with fake_master(load.master) as address:
        terminal = Terminal(address)
        try:
            if not terminal.pump(30, until=lambda: "pi1" in terminal.text):
                raise SystemExit("the console showed no row within 30 s")
            first_row = terminal.read_s - terminal.started
            terminal.press(load.view)
            terminal.pump(3)
            cpu, rate = cost(terminal, seconds)
            paints = keys(terminal, cpu)
            rss = psutil.Process(terminal.pid).memory_info().rss / 1e6
            return Measured(name, round(first_row, 2), cpu, rate, *paints, round(rss, 1))
        finally:
            terminal.close()


def cost(terminal: Terminal, seconds: float) -> tuple[float, float]:
    """CPU in per cent of one core, and kB/s written, over so many seconds."""
    busy, written, start = cpu_s(terminal), terminal.written, time.monotonic()
    terminal.pump(seconds)
    took = time.monotonic() - start
    return round((cpu_s(terminal) - busy) / took * 100, 1), round((terminal.written - written) / took / 1000, 1)


def cpu_s(terminal: Terminal) -> float:
    return sum(psutil.Process(terminal.pid).cpu_times()[:2])


def keys(terminal: Terminal, idle_percent: float) -> Paints:
    """From each kind of key to its paint."""
    busy, began = cpu_s(terminal), time.monotonic()
    kinds = {"view": changed_views(terminal), "down": cursor_downs(terminal), "letter": typed_letters(terminal)}
    took = {kind: sorted(each) for kind, each in kinds.items()}
    spent = cpu_s(terminal) - busy - idle_percent / 100 * (time.monotonic() - began)
    return Paints(
        {kind: round(statistics.median(each), 1) for kind, each in took.items()},
        {kind: round(each[int(len(each) * 0.95)], 1) for kind, each in took.items()},
        round(spent / sum(map(len, took.values())) * 1000, 1),
    )


def changed_views(terminal: Terminal) -> Iterator[float]:
    """Overview and Cameras in turn."""
    terminal.press(b"1")
    terminal.pump(1)
    for turn in range(KEYS):
        key, text = ((b"2", "MISSING"), (b"1", "ARRIVING"))[turn % 2]
        yield key_to_paint(terminal, key, lambda text=text: text in terminal.text)


def cursor_downs(terminal: Terminal) -> Iterator[float]:
    """In the Log, one row after the other."""
    terminal.press(b"6")
    terminal.pump(1)
    for _ in range(KEYS):
        before = terminal.cursor_row
        yield key_to_paint(terminal, b"j", lambda before=before: terminal.cursor_row not in ("", before))


def typed_letters(terminal: Terminal) -> Iterator[float]:
    """In the Log's filter, a letter and its taking back: the line's hint leaves and comes. The rows follow then."""
    terminal.press(b"/")
    terminal.pump(1)
    for turn in range(KEYS):
        is_typed = turn % 2 == 0
        yield key_to_paint(
            terminal, b"p" if is_typed else b"\x7f", lambda is_typed=is_typed: (_HINT not in terminal.text) is is_typed
        )


def key_to_paint(terminal: Terminal, key: bytes, shown: Callable[[], bool]) -> float:
    """Milliseconds from a key until the bytes had come that show what it does."""
    start = time.monotonic()
    terminal.press(key)
    if not terminal.pump(5, until=shown):
        raise SystemExit(f"what the key {key!r} does was not shown:\n{terminal.text}")
    took = (terminal.read_s - start) * 1000
    terminal.pump(CHANCE.uniform(0.15, 0.4))
    return took


def broken(row: Measured) -> list[str]:
    """The limits that were not kept, in words."""
    limits = {
        "CPU %": (row.cpu_percent, LOADS[row.load].cpu_percent),
        "first row s": (row.first_row_s, FIRST_ROW_S),
        "output kB/s": (row.kb_per_s, KB_PER_S),
        **{f"key ({kind}) to paint p95 ms": (p95, KEY_MS_P95) for kind, p95 in row.key_to_paint_ms_p95.items()},
    }
    return [f"{row.load}: {what} {is_} above {most:g}" for what, (is_, most) in limits.items() if is_ > most]


def main() -> int:
    sys.setswitchinterval(0.0005)  # the thread that reads says when; it must not wait for the emulated screen
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--load", choices=LOADS, action="append")
    args = parser.parse_args()
    rows = [measure(load, args.seconds) for load in args.load or LOADS]
    if args.json:
        print(json.dumps([row._asdict() for row in rows]))
        return int(any(map(broken, rows)))
    heads = "".join(f"{f'{kind} p50/p95':>16}" for kind in rows[0].key_to_paint_ms_p50)
    print(f"{'load':<18}{'first row':>10}{'CPU':>8}{'output':>11}{heads}{'key CPU':>9}{'RSS':>9}")
    for row in rows:
        pairs = zip(row.key_to_paint_ms_p50.values(), row.key_to_paint_ms_p95.values(), strict=True)
        paints = "".join(f"{f'{p50:.0f}/{p95:.0f} ms':>16}" for p50, p95 in pairs)
        print(
            f"{row.load:<18}{row.first_row_s:>8.2f} s{row.cpu_percent:>7.1f}%{row.kb_per_s:>6.1f} kB/s{paints}"
            f"{row.key_cpu_ms:>6.0f} ms{row.rss_mb:>6.0f} MB"
        )
    over = [words for row in rows for words in broken(row)]
    print("\n".join(over) or "within all limits")
    return int(bool(over))


if __name__ == "__main__":
    sys.exit(main())
