"""An operator's override at every awkward moment: it wins, it ends, and no frame is lost by it."""

import time
from collections.abc import Callable

import pytest

from support.processes import wait_for
from support.whole_site import Tell, WholeSite, stop_all_of, stored_s

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]


@pytest.fixture
def site(new_site: Callable[..., WholeSite]) -> WholeSite:
    """Two cameras of 3 frames/s, analysed at home; agx has joined and has no model loaded."""
    site = new_site()
    site.master.start()
    site.worker("agx")
    for number in range(2):
        site.camera(f"pi{number}", 75, fps=3)
    site.more_rows(20)
    return site


def placement(site: WholeSite) -> set[str]:
    """The states of the cameras."""
    return {camera.placement for camera in site.operator.site().cameras}


def becomes(site: WholeSite, state: str, timeout: float = 60) -> None:
    wait_for(lambda: placement(site) == {state}, timeout, what=f"cameras are {state}")


def by(site: WholeSite, since_s: float) -> set[str]:
    """The nodes that analysed since then."""
    return {row["processed_by"] for row in site.rows() if stored_s(row) > since_s}


def triggers(site: WholeSite) -> list[str]:
    """Why placement decided, oldest first."""
    return [decision["trigger"] for decision in site.operator.decisions()]


def test_to_local_during_starting(site: WholeSite, tell: Tell) -> None:
    site.operator.override("node:agx")
    becomes(site, "STARTING")
    site.operator.override("local")
    becomes(site, "PINNED")
    count = site.finish()
    tell(count, f"decisions {triggers(site)}, analysed by {by(site, 0)}")
    count.right()
    assert by(site, 0) == {"orin"}
    assert placement(site) == {"PINNED"}


def test_back_to_the_node_during_drain(site: WholeSite, tell: Tell) -> None:
    site.pin("agx")
    becomes(site, "PINNED")
    site.more_rows(6)
    child = site.child("agx")
    child.suspend()  # it cannot finish what a thread has taken: the drain lasts
    site.holding("agx", 1)
    site.operator.override("local")
    wait_for(lambda: site.operator.worker_is("agx/main", "draining"), 4, what="agx drains")
    site.operator.override("node:agx")
    child.resume()
    becomes(site, "PINNED")
    back_s = time.time()
    site.more_rows(12)
    count = site.finish()
    tell(count, f"decisions {triggers(site)}, afterwards analysed by {by(site, back_s + 1)}")
    count.right()
    assert by(site, back_s + 1) == {"agx"}


def test_to_a_dying_node(site: WholeSite, tell: Tell) -> None:
    """It dies silently just before the word: analysis stays, then says why, and moves when the node is there again."""
    site.warm("agx")
    stop_all_of(site.workers["agx"])
    site.operator.override("node:agx")
    asked_s = time.time()
    becomes(site, "DEGRADED")
    said_s = time.time() - asked_s
    site.more_rows(12)
    site.workers["agx"].kill()
    site.worker("agx")
    becomes(site, "PINNED")
    site.more_rows(6)
    count = site.finish()
    tell(count, f"said so after {said_s:.1f} s; decisions {triggers(site)}")
    count.right()
    assert "pin-lost" in triggers(site)
    assert "pin-found" in triggers(site)
    assert site.rows()[-1]["processed_by"] == "agx"


def test_to_an_absent_node(site: WholeSite, tell: Tell) -> None:
    site.operator.override("node:nowhere")
    becomes(site, "DEGRADED", 2)
    asked_s = time.time()
    site.more_rows(12)
    site.operator.clear()
    becomes(site, "LOCAL")
    count = site.finish()
    tell(count, f"decisions {triggers(site)}, meanwhile analysed by {by(site, asked_s)}")
    count.right()
    assert by(site, 0) == {"orin"}


def test_expiring_in_mid_handover(site: WholeSite, tell: Tell) -> None:
    """The node needs seconds to load its model; the word is over before."""
    site.operator.override("node:agx", for_s=0.3)
    becomes(site, "STARTING", 2)
    becomes(site, "LOCAL")
    count = site.finish()
    tell(count, f"decisions {triggers(site)}, analysed by {by(site, 0)}")
    count.right()
    assert triggers(site) == ["override", "override-expired"]
    assert site.operator.site().overrides == []
    assert site.rows()[-1]["processed_by"] == "orin"


def test_across_a_kill_of_the_master(site: WholeSite, tell: Tell) -> None:
    site.pin("agx")
    becomes(site, "PINNED")
    site.operator.override("local", scope="pi0", for_s=None)
    site.master.kill()
    killed_s = time.time()
    site.master.start()
    kept = {override.scope: override.target for override in site.operator.site().overrides}
    becomes(site, "PINNED")
    obeyed_s = time.time()
    site.more_rows(12)
    count = site.finish()
    placed = {(row["pi_id"], row["processed_by"]) for row in site.rows() if stored_s(row) > obeyed_s + 1}
    tell(count, f"obeyed again {obeyed_s - killed_s:.1f} s after the kill")
    count.right()
    assert kept == {"all": "node:agx", "pi0": "local"}
    assert placed == {("pi0", "orin"), ("pi1", "agx")}
