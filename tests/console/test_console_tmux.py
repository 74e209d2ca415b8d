"""In a real tmux: what is copied arrives in its buffer, the mouse sorts, rows are written beside it."""

import asyncio
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from support.fake_master import FakeMaster

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="no tmux: apt-get install tmux"),
]
PROGRAM = "from posture_console.cli import main; main()"


class Tmux:
    """A tmux server of its own with one pane."""

    def __init__(self, folder: Path) -> None:
        self._name, self.folder = f"posture-{uuid4().hex[:8]}", folder

    def __call__(self, *words: str) -> str:
        command = ["tmux", "-L", self._name, "-f", "/dev/null", *words]
        return subprocess.run(command, capture_output=True, text=True, cwd=self.folder, check=False).stdout

    def until(self, holds: Callable[[], bool], seconds: float = 40.0) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, self.shown
            time.sleep(0.1)

    @property
    def shown(self) -> str:
        return self("capture-pane", "-p")


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    made = Tmux(tmp_path)
    yield made
    made("kill-server")


async def test_copy_export_and_mouse_work_in_tmux(tmux: Tmux, master: FakeMaster) -> None:
    await asyncio.to_thread(_looked_at, tmux, master.address)


def _looked_at(tmux: Tmux, address: str) -> None:
    command = f"{sys.executable} -c '{PROGRAM}' --connect {address}"
    tmux("new-session", "-d", "-x", "120", "-y", "30", command)
    tmux("set", "-g", "set-clipboard", "on")
    tmux("set", "-g", "mouse", "on")
    tmux.until(lambda: "pi4" in tmux.shown)
    tmux("send-keys", "2")
    tmux.until(lambda: "4 cameras" in tmux.shown)
    tmux("send-keys", "Down", "Space", "c")
    tmux.until(lambda: tmux("show-buffer").startswith("pi2"))
    tmux("send-keys", "e")
    tmux.until(lambda: any(file.suffix == ".csv" for file in tmux.folder.iterdir()))
    tmux("send-keys", "-l", "\x1b[<0;3;4M\x1b[<0;3;4m")
    tmux.until(lambda: "▲ camera" in tmux.shown)
    tmux("send-keys", "?")
    tmux.until(lambda: "this table" in tmux.shown)
