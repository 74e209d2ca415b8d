"""The console in a real terminal: a pseudo terminal whose bytes a terminal emulator turns into a screen."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pty = pytest.importorskip("pty", reason="pseudo terminals are POSIX")
fcntl = pytest.importorskip("fcntl")
pyte = pytest.importorskip("pyte")

pytestmark = pytest.mark.integration
COLUMNS, LINES = 100, 30
PROGRAM = "from posture_console.cli import main; main()"


@pytest.fixture
def address() -> Iterator[str]:
    support = Path(__file__).parent.parent / "support"
    process = subprocess.Popen(
        [sys.executable, str(support / "fake_master.py")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(support.parent)},
    )
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.kill()
    process.wait()


class Terminal:
    """A child on a pseudo terminal and what its screen shows."""

    def __init__(self, *words: str, **environment: str) -> None:
        self.screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            size = {"COLUMNS": str(COLUMNS), "LINES": str(LINES), "TERM": "xterm-256color"}
            command = [sys.executable, "-c", PROGRAM, *words]
            os.execve(sys.executable, command, {**os.environ, **size, **environment})  # noqa: S606 - no shell

    def until(self, text: str, seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while text not in "\n".join(self.screen.display):
            assert time.monotonic() < deadline, "\n".join(self.screen.display)
            if select.select([self.fd], [], [], 0.1)[0]:
                data = os.read(self.fd, 65536)
                self.raw += data
                self._stream.feed(data)

    def press(self, keys: str) -> None:
        os.write(self.fd, keys.encode())

    def exit_code(self, seconds: float = 10.0) -> int:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if select.select([self.fd], [], [], 0.05)[0]:
                with contextlib.suppress(OSError):
                    os.read(self.fd, 65536)
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
        os.kill(self.pid, 9)
        raise AssertionError("the console did not end")


def test_rows_come_keys_work_and_q_leaves_the_terminal_clean(address: str) -> None:
    terminal = Terminal("--connect", address)
    terminal.until("ARRIVING")
    terminal.until("pi1")
    terminal.press("2")
    terminal.until("4 cameras")
    terminal.press("\r")
    terminal.until("Camera pi1")
    terminal.press("q")
    assert terminal.exit_code() == 0


def test_no_color_paints_in_grey_alone(address: str) -> None:
    terminal = Terminal("--connect", address, NO_COLOR="1", COLORTERM="truecolor")
    terminal.until("pi1")
    colours = {cell.fg for row in terminal.screen.buffer.values() for cell in row.values()} - {"default"}
    assert all(colour[0:2] == colour[2:4] == colour[4:6] for colour in colours if len(colour) == 6), colours
    terminal.press("q")
    assert terminal.exit_code() == 0


def test_console_ends_when_its_terminal_hangs_up(address: str) -> None:
    terminal = Terminal("--connect", address)
    terminal.until("pi1")
    os.kill(terminal.pid, signal.SIGHUP)
    terminal.exit_code()


@pytest.mark.parametrize("behind", ["", "o", ":", "?"], ids=["a view", "a form", "the palette", "help"])
def test_console_ends_when_its_terminal_goes_away(address: str, behind: str) -> None:
    terminal = Terminal("--connect", address)
    terminal.until("pi1")
    terminal.press(behind)
    os.close(terminal.fd)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        done, _ = os.waitpid(terminal.pid, os.WNOHANG)
        if done:
            return
        time.sleep(0.05)
    os.kill(terminal.pid, 9)
    os.waitpid(terminal.pid, 0)
    raise AssertionError("the console outlived its terminal")
