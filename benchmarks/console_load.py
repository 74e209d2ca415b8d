"""What the console costs, measured where it is used: in a real terminal, against a master that sends real events.

    python benchmarks/console_load.py [--seconds 10] [--json]

For each load it starts the console in a pseudo terminal of 140 × 50 and measures its CPU time, the bytes it writes, the
time from a key to its paint, and the time from start to the first live row. The master is the tests' own, invented.
"""

import argparse
import contextlib
import fcntl
import json
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil

ROOT = Path(__file__).parent.parent
SIZE = (50, 140)
LOADS = {
    "idle": ["--cameras", "4", "--nodes", "3", "--quiet"],
    "8 results/s": ["--cameras", "4", "--nodes", "3", "--fps", "2"],
    "50 results/s": ["--cameras", "20", "--nodes", "20", "--fps", "2.5", "--step", "0.05"],
}
CPU_PERCENT = {"idle": 2.0, "8 results/s": 15.0, "50 results/s": 15.0}
FIRST_ROW_S, KB_PER_S, KEY_MS_P95 = 1.5, 60.0, 50.0


class Measured(NamedTuple):
    load: str
    first_row_s: float
    cpu_percent: float
    kb_per_s: float
    key_to_paint_ms_p50: float
    key_to_paint_ms_p95: float
    key_cpu_ms: float
    rss_mb: float


class Terminal:
    """The console in a pseudo terminal; `pump` reads what it writes, as a terminal would."""

    def __init__(self, address: str) -> None:
        self.written = 0
        self.seen = b""
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

    def pump(self, seconds: float, until: bytes | None = None) -> bool:
        """Read for so long, or until this text was written; says whether it was."""
        ends = time.monotonic() + seconds
        self.seen = b""
        while (left := ends - time.monotonic()) > 0:
            ready, _, _ = select.select([self.fd], [], [], left)
            if not ready:
                break
            with contextlib.suppress(OSError):
                data = os.read(self.fd, 65536)
                self.written += len(data)
                self.seen += data
            if until is not None and until in self.seen:
                return True
        return until is None

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


def measure(load: str, seconds: float) -> Measured:
    with fake_master(LOADS[load]) as address:
        terminal = Terminal(address)
        try:
            if not terminal.pump(30, until=b"pi1"):
                raise SystemExit("the console showed no row within 30 s")
            first_row = time.monotonic() - terminal.started
            terminal.pump(3)
            process = psutil.Process(terminal.pid)
            before, written, start = process.cpu_times(), terminal.written, time.monotonic()
            terminal.pump(seconds)
            took = time.monotonic() - start
            after = process.cpu_times()
            cpu = (after.user + after.system - before.user - before.system) / took * 100
            rate = (terminal.written - written) / took / 1000
            busy = sum(process.cpu_times()[:2])
            began = time.monotonic()
            paints = sorted(key_to_paint(terminal) for _ in range(40))
            busy = sum(process.cpu_times()[:2]) - busy - cpu / 100 * (time.monotonic() - began)
            return Measured(
                load,
                round(first_row, 2),
                round(cpu, 1),
                round(rate, 1),
                round(statistics.median(paints), 1),
                round(paints[int(len(paints) * 0.95)], 1),
                round(busy / len(paints) * 1000, 1),
                round(process.memory_info().rss / 1e6, 1),
            )
        finally:
            terminal.close()


def key_to_paint(terminal: Terminal) -> float:
    """Milliseconds from a key that changes the view to the title of the new view on the terminal."""
    key_to_paint.turn = 1 - getattr(key_to_paint, "turn", 1)  # type: ignore[attr-defined]
    key, text = ((b"2", b"MISSING"), (b"1", b"ARRIVING"))[key_to_paint.turn]  # type: ignore[attr-defined]
    start = time.monotonic()
    terminal.press(key)
    if not terminal.pump(5, until=text):
        raise SystemExit(f"the view of key {key!r} did not come")
    took = (time.monotonic() - start) * 1000
    terminal.pump(0.2)
    return took


def broken(row: Measured) -> list[str]:
    """The limits that were not kept, in words."""
    limits = {
        "CPU %": (row.cpu_percent, CPU_PERCENT[row.load]),
        "first row s": (row.first_row_s, FIRST_ROW_S),
        "output kB/s": (row.kb_per_s, KB_PER_S),
        "key to paint p95 ms": (row.key_to_paint_ms_p95, KEY_MS_P95),
    }
    return [f"{row.load}: {what} {is_} above {most:g}" for what, (is_, most) in limits.items() if is_ > most]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--load", choices=LOADS, action="append")
    args = parser.parse_args()
    rows = [measure(load, args.seconds) for load in args.load or LOADS]
    if args.json:
        print(json.dumps([row._asdict() for row in rows]))
        return int(any(map(broken, rows)))
    print(f"{'load':<14}{'first row':>10}{'CPU':>8}{'output':>11}{'key p50':>9}{'key p95':>9}{'key CPU':>9}{'RSS':>9}")
    for row in rows:
        print(
            f"{row.load:<14}{row.first_row_s:>8.2f} s{row.cpu_percent:>7.1f}%{row.kb_per_s:>6.1f} kB/s"
            f"{row.key_to_paint_ms_p50:>6.0f} ms{row.key_to_paint_ms_p95:>6.0f} ms{row.key_cpu_ms:>6.0f} ms"
            f"{row.rss_mb:>6.0f} MB"
        )
    over = [words for row in rows for words in broken(row)]
    print("\n".join(over) or "within all limits")
    return int(bool(over))


if __name__ == "__main__":
    sys.exit(main())
