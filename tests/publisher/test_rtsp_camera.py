"""A real RTSP camera: followed, lost when it is switched off, found again; its login is never shown."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from posture_publisher.sources import SourceAway, open_source
from posture_publisher.sources import returning as returning_module
from posture_publisher.sources.source import Source
from posture_shared.exits import Stop
from support.processes import Program, free_port, listens, wait_for
from support.servers import lacking

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

SYSTEM_PYTHON = Path("/usr/bin/python3")
CAMERA = Path(__file__).resolve().parents[1] / "support" / "rtsp_camera.py"
NEEDED = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"


class RtspCamera:
    """Switched off and on at the same address."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.program = Program([SYSTEM_PYTHON, CAMERA, str(self.port)], folder=folder, name="rtsp")
        self.on()

    @property
    def url(self) -> str:
        return f"rtsp://me:word@127.0.0.1:{self.port}/camera"

    def on(self) -> None:
        self.program.start()
        wait_for(lambda: listens(self.port), 20, what="the RTSP camera listens")

    def off(self) -> None:
        self.program.kill()


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[RtspCamera]:
    there = SYSTEM_PYTHON.exists() and subprocess.run([SYSTEM_PYTHON, "-c", NEEDED], capture_output=True, check=False)
    if not there or there.returncode != 0:
        lacking("gir1.2-gst-rtsp-server-1.0", "no RTSP server, which python3-gi and gstreamer1.0-plugins-good go with")
    found = RtspCamera(tmp_path)
    yield found
    found.program.end()


def opened(url: str) -> Source:
    return open_source(url, fps=5, size=None, quality=85, loop=False)


def test_pictures_come_stop_with_the_camera_and_come_again(camera: RtspCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(returning_module, "_RETRY_S", (0.1, 0.2))
    source, said = opened(camera.url), list[str]()
    try:
        first, second = source.read(), source.read()
        assert isinstance(first, np.ndarray)
        assert isinstance(second, np.ndarray)
        assert first.shape == (240, 320, 3)
        assert not np.array_equal(first, second), "the ball moves"
        assert "word" not in source.name
        camera.off()

        def away() -> bool:
            try:
                source.read()
            except SourceAway as why:
                said.append(str(why))
                return True
            return False

        wait_for(away, 30, what="the camera is away")
        assert "word" not in " ".join(said)
        camera.on()
        wait_for(lambda: not away(), 30, what="the camera is back")
    finally:
        source.close()


def test_a_wrong_login_is_refused_and_not_shown(camera: RtspCamera) -> None:
    with pytest.raises(Stop, match="check address, login and path") as stopped:
        opened(camera.url.replace("word", "wrong-word"))
    assert "wrong-word" not in stopped.value.sentence
