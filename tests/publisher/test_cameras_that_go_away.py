"""Live cameras: those on a ribbon cable and in the network, and any that goes away and comes back."""

import sys
import time
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from posture_publisher.capture import Capture, Captured, SourceEnded, SourceState
from posture_publisher.encode import Picture
from posture_publisher.sources import SourceAway, SourceLost, open_source
from posture_publisher.sources import returning as returning_module
from posture_publisher.sources.returning import ReturningSource
from posture_publisher.sources.stream import StreamSource
from posture_shared.exits import Exit, Stop
from posture_shared.frame import new_id
from support.network_camera import NetworkCamera, flat_jpeg
from support.processes import wait_for


class Plug:
    """A camera whose plug can be pulled."""

    name, live = "camera:0", True

    def __init__(self) -> None:
        self.plugged, self.opened, self.closed = True, 0, 0

    def open(self) -> "Plug":
        if not self.plugged:
            raise Stop("camera:0 cannot be opened")
        self.opened += 1
        return self

    def read(self) -> Picture | None:
        if not self.plugged:
            raise SourceLost("camera:0 gives no more pictures")
        return flat_jpeg(128)

    def close(self) -> None:
        self.closed += 1


# going away


def test_a_camera_that_was_pulled_out_is_opened_again_less_and_less_often():
    plug = Plug()
    source = ReturningSource(plug.open)
    assert source.read() is not None
    plug.plugged = False
    waits = []
    for _ in range(8):
        with pytest.raises(SourceAway) as away:
            source.read()
        waits.append(away.value.retry_s)
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0]
    assert plug.closed == 1
    plug.plugged = True
    assert source.read() is not None
    assert plug.opened == 2
    plug.plugged = False
    with pytest.raises(SourceAway) as away:
        source.read()
    assert away.value.retry_s == 0.5, "a success makes the next wait short again"


def test_a_camera_that_is_not_there_at_the_start_is_a_wrong_setting():
    plug = Plug()
    plug.plugged = False
    with pytest.raises(Stop, match="cannot be opened"):
        ReturningSource(plug.open)


def test_capturing_waits_for_the_camera_and_goes_on_with_the_next_number(monkeypatch):
    monkeypatch.setattr(returning_module, "_RETRY_S", (0.01, 0.02))
    plug, events = Plug(), []
    capture = Capture(
        ReturningSource(plug.open),
        run_id=new_id(),
        fps=200,
        size=None,
        quality=85,
        largest_bytes=10**6,
        emit=events.append,
    )

    def captured() -> list[int]:
        for _ in range(len(events)):
            capture.taken(room=True)
        return [event.identity.seq for event in events if isinstance(event, Captured)]

    capture.start()
    wait_for(captured)
    plug.plugged = False
    wait_for(lambda: SourceState("camera:0 cannot be opened") in events)
    so_far = len(captured())
    plug.plugged = True
    wait_for(lambda: len(captured()) > so_far + 2)
    capture.stop()
    capture.join(5)
    states = [event.trouble for event in events if isinstance(event, SourceState)]
    assert states == ["camera:0 gives no more pictures", "camera:0 cannot be opened", ""]
    assert captured() == list(range(1, len(captured()) + 1))
    assert events[-1] == SourceEnded("")


def test_being_told_to_end_does_not_wait_for_the_camera():
    plug, events = Plug(), []
    source = ReturningSource(plug.open)
    plug.plugged = False
    source._retry_s = 15.0
    capture = Capture(source, run_id=new_id(), fps=10, size=None, quality=85, largest_bytes=10**6, emit=events.append)
    capture.start()
    wait_for(lambda: events)
    began = time.monotonic()
    capture.stop()
    capture.join(5)
    assert time.monotonic() - began < 2


# in the network


@pytest.fixture
def network_camera() -> Iterator[NetworkCamera]:
    camera = NetworkCamera()
    yield camera
    camera.close()


@pytest.mark.integration
def test_a_stream_gives_the_picture_of_now_however_slowly_it_is_read(network_camera):
    source = StreamSource(network_camera.url)
    try:
        source.read()
        wait_for(lambda: network_camera.sent >= 60, 20)
        shade = float(np.mean(source.read()))
        assert shade > 40, "what was sent while nobody read is passed over"
    finally:
        source.close()


@pytest.mark.integration
def test_a_stream_that_ends_is_lost_and_comes_back(network_camera, monkeypatch):
    source = open_source(network_camera.url, fps=2, size=None, quality=85, loop=False)
    assert source.read() is not None
    network_camera.on = False
    with pytest.raises(SourceAway, match="no more pictures"):
        [source.read() for _ in range(1000)]
    network_camera.on = True
    assert source.read() is not None
    source.close()


def test_the_login_of_a_stream_is_never_shown():
    with pytest.raises(Stop) as stopped:
        open_source("rtsp://me:s3cr3t@127.0.0.1:9/x", fps=2, size=None, quality=85, loop=False)
    assert "rtsp://127.0.0.1:9/x cannot be opened" in stopped.value.sentence
    with pytest.raises(Stop) as stopped:
        open_source("gopher://me:s3cr3t@h/x", fps=2, size=None, quality=85, loop=False)
    assert "s3cr3t" not in stopped.value.sentence


# on the ribbon cable


def test_without_picamera2_the_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(Stop, match="apt-get install python3-picamera2") as stopped:
        open_source("picamera", fps=2, size=None, quality=85, loop=False)
    assert stopped.value.code == Exit.USAGE


class FakePicamera2:
    present = True
    last: "FakePicamera2"

    def __init__(self) -> None:
        if not self.present:
            raise IndexError("list index out of range")
        self.calls: list[Any] = []
        FakePicamera2.last = self

    def create_video_configuration(self, **what: Any) -> dict[str, Any]:
        return what

    def configure(self, what: dict[str, Any]) -> None:
        self.calls.append(what["main"])

    def start(self) -> None:
        self.calls.append("start")

    def capture_array(self, name: str) -> Any:
        return np.full((480, 640, 3), 7, np.uint8)

    def stop(self) -> None:
        self.calls.append("stop")

    def close(self) -> None:
        self.calls.append("close")


def test_picamera_is_asked_for_the_wanted_size_in_opencvs_order(monkeypatch):
    monkeypatch.setitem(sys.modules, "picamera2", types.SimpleNamespace(Picamera2=FakePicamera2))
    source = open_source("picamera", fps=2, size=(640, 480), quality=85, loop=False)
    assert source.live
    assert source.read().shape == (480, 640, 3)
    source.close()
    assert FakePicamera2.last.calls == [{"size": (640, 480), "format": "RGB888"}, "start", "stop", "close"]
    monkeypatch.setattr(FakePicamera2, "present", False)
    with pytest.raises(Stop, match="ribbon cable"):
        open_source("picamera", fps=2, size=None, quality=85, loop=False)
