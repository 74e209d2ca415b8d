"""The child's threads: every frame once, a tracked camera never twice at a time, one way to fail."""

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from posture_agent.worker.child import CRASHED, Child
from posture_agent.worker.orphan import parent_is_gone
from posture_agent.worker.pipe import (
    LENGTHS,
    ChildEnd,
    Found,
    GiveBack,
    GivenBack,
    Loaded,
    Setup,
    Taken,
    Work,
    from_child,
    pack,
)
from posture_shared.messages.worker import Analysis

GOOD = Analysis(posture_status="Good", reason="")
FAKE_CHILD = Path(__file__).parents[1] / "support" / "fake_analysis.py"


def work(ticket: int, camera: str = "pi1", *, tracking: bool = False) -> Work:
    return Work(ticket=ticket, pi_id=camera, run=None, seq=ticket, captured=None, tracking=tracking, baseline=None)


class Parent:
    """The other end of a child's socket."""

    def __init__(self) -> None:
        self.mine, self.theirs = socket.socketpair()
        self.mine.settimeout(20)
        self._file = self.mine.makefile("rb")

    def send(self, message, body: bytes = b"") -> None:
        self.mine.sendall(pack(message, body))

    def receive(self):
        sizes = self._file.read(LENGTHS.size)
        if not sizes:
            return None
        header_size, body_size = LENGTHS.unpack(sizes)
        message = from_child.decode(self._file.read(header_size))
        self._file.read(body_size)
        return message

    def until(self, count: int, kind: type) -> list:
        seen = []
        while sum(isinstance(one, kind) for one in seen) < count:
            seen.append(self.receive())
        return seen


class Watched:
    """An analyzer that notes which cameras are in it at once."""

    def __init__(self) -> None:
        self.inside: list[str] = []
        self.together: set[tuple[str, ...]] = set()
        self._guard = threading.Lock()

    def analyze(self, jpeg, *, pi_id, **_identity):
        with self._guard:
            self.inside.append(pi_id)
            self.together.add(tuple(sorted(self.inside)))
        time.sleep(0.01)
        with self._guard:
            self.inside.remove(pi_id)
        return GOOD, b""

    def close(self) -> None:
        """Nothing is held."""


@pytest.fixture
def served():
    parent, analyzer = Parent(), Watched()
    child = Child(ChildEnd(parent.theirs), analyzer, threads=3)
    thread = threading.Thread(target=child.serve, daemon=True)
    thread.start()
    assert isinstance(parent.receive(), Loaded)
    yield parent, analyzer
    parent.mine.shutdown(socket.SHUT_WR)
    thread.join(5)


def test_each_frame_is_taken_and_found_once(served):
    parent, analyzer = served
    for ticket in range(30):
        parent.send(work(ticket), b"jpeg")
    seen = parent.until(30, Found)
    assert sorted(one.ticket for one in seen if isinstance(one, Taken)) == list(range(30))
    assert sorted(one.ticket for one in seen if isinstance(one, Found)) == list(range(30))
    assert max(len(cameras) for cameras in analyzer.together) == 3


def test_a_tracked_camera_is_in_one_thread_and_in_its_order(served):
    parent, analyzer = served
    for ticket in range(30):
        parent.send(work(ticket, "ab"[ticket % 2], tracking=True))
    seen = parent.until(30, Found)
    assert analyzer.together <= {("a",), ("b",), ("a", "b")}
    taken = [one.ticket for one in seen if isinstance(one, Taken)]
    for camera in (0, 1):
        mine = [ticket for ticket in taken if ticket % 2 == camera]
        assert mine == sorted(mine)


def test_what_no_thread_has_taken_is_given_back(served):
    parent, _ = served
    for ticket in range(20):
        parent.send(work(ticket))
    parent.send(GiveBack())
    seen = parent.until(1, GivenBack)
    [back] = [one.tickets for one in seen if isinstance(one, GivenBack)]
    found = {one.ticket for one in seen if isinstance(one, Found)}
    rest = 20 - len(back) - len(found)
    found |= {one.ticket for one in parent.until(rest, Found) if isinstance(one, Found)} if rest else set()
    assert found | set(back) == set(range(20))
    assert not found & set(back)
    assert back


def start_child(**env: str) -> tuple[Parent, subprocess.Popen[bytes]]:
    parent = Parent()
    child = subprocess.Popen(
        [sys.executable, FAKE_CHILD, str(parent.theirs.fileno())],
        pass_fds=[parent.theirs.fileno()],
        stderr=subprocess.PIPE,
        env={**os.environ, "POSTURE_PARENT_PID": str(os.getpid()), **env},
    )
    parent.theirs.close()
    parent.send(Setup(model="full", mode="image", threads=2, settings={}))
    return parent, child


def test_a_child_ends_when_its_parent_closes():
    parent, child = start_child()
    with child:
        assert isinstance(parent.receive(), Loaded)
        parent.mine.shutdown(socket.SHUT_RDWR)
        assert child.wait(5) == 0


def test_an_error_that_escapes_ends_the_child_with_its_traceback():
    parent, child = start_child(POSTURE_CHILD_FAULT="raise:bad")
    with child:
        assert isinstance(parent.receive(), Loaded)
        parent.send(work(1, "bad"))
        assert child.wait(5) == CRASHED
        assert b"planted fault" in child.stderr.read()
        assert isinstance(parent.receive(), Taken)
        assert parent.receive() is None


def test_a_child_of_another_parent_ends_at_once():
    _parent, child = start_child(POSTURE_PARENT_PID="1")
    with child:
        assert child.wait(5) == 0
        assert parent_is_gone(1)
