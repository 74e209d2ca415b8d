"""`/metrics`, `/healthz`, `/readyz` of a real master with a real worker and broker: what is counted adds up."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from posture_shared.frame import FrameIdentity, embed, new_id
from support.mosquitto import Mosquitto
from support.processes import Programs, wait_for
from support.scrape import OPENMETRICS, Scrape, promtool
from support.site import Camera, Master

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def picture(shade: int = 100) -> bytes:
    return bytes(cv2.imencode(".jpg", np.full((120, 160, 3), shade, np.uint8))[1])


@pytest.fixture
def camera(broker: Mosquitto) -> Iterator[Camera]:
    one = Camera(broker, "pi1")
    yield one
    one.close()


def adds_up(scrape: Scrape) -> bool:
    """The equation that every scrape fulfils."""
    ended = scrape.sum("posture_rows_total") + scrape.sum("posture_frames_repeated_total")
    gone = scrape.sum("posture_frames_rejected_total") + scrape.value("posture_frames_in_flight")
    return scrape.value("posture_frames_received_total") == ended + gone


def scrape_until(port: int, condition: Callable[[Scrape], bool], what: str) -> Scrape:
    """Scrapes until one fulfils `condition`; every one on the way adds up."""

    def look() -> Scrape | None:
        found = Scrape(port)
        assert adds_up(found), found.text
        return found if condition(found) else None

    found = wait_for(look, 60, what=what)
    assert found is not None
    return found


def test_every_frame_and_every_reject_is_counted_once_with_its_end(
    programs: Programs, broker: Mosquitto, camera: Camera, tmp_path: Path
) -> None:
    load = tmp_path / "load"
    load.write_text("0 20\n")
    master = Master(programs, broker, tmp_path / "data", "--load", f"script:{load}").start()
    camera.publish([picture(shade) for shade in range(40, 60)], fps=50)
    for broken in (b"", b"hello, world!!", picture()[:100]):
        camera.send(broken)
    twice = embed(picture(), FrameIdentity(new_id(), new_id(), 1, datetime.now(UTC)))
    camera.send(twice)
    camera.send(twice)
    for topic in ("images/a/b", "images/a b", "images/" + "x" * 65):
        camera.send(b"x", topic=topic)
    scrape = scrape_until(
        master.metrics_port,
        lambda seen: seen.value("posture_frames_received_total") == 28 and not seen.value("posture_frames_in_flight"),
        "28 deliveries, all with their end",
    )
    assert scrape.value("posture_rows_total", status="No_Landmarks_Detected") == 21
    assert scrape.value("posture_rows_total", status="Undecodable") == 3
    assert scrape.value("posture_rows_total", status="Failed") == 0
    assert scrape.value("posture_frames_rejected_total", reason="topic") == 3
    assert scrape.value("posture_frames_repeated_total") == 1
    assert scrape.value("posture_node_rows_total", node="orin") == 24
    assert scrape.value("posture_frame_analysis_seconds_count", node="orin") == 21
    assert scrape.value("posture_frame_queue_seconds_count") == 21
    assert scrape.value("posture_frame_total_seconds_count") == 24
    assert scrape.value("posture_frame_end_to_end_seconds_count") == 21
    assert scrape.value("posture_camera_rows_total", camera="pi1") == 24
    assert scrape.value("posture_loop_lag_seconds_count") > 0
    assert scrape.value("posture_link_up", link="broker") == 1
    assert scrape.value("posture_placement_state", state="LOCAL") == 1
    assert scrape.sum("posture_placement_state") == 1
    assert scrape.value("posture_camera_placement", camera="pi1", state="LOCAL", node="orin") == 1
    assert scrape.value("posture_workers", state="ready") == 1
    assert scrape.value("posture_worker_state", node="orin", worker="local", state="ready") == 1
    assert scrape.labels("posture_jobs", "state") == {"pending", "pulling", "running", "stopping", "complete", "failed"}
    assert scrape.value("posture_outbox_rows") == 0
    assert 0 < scrape.value("posture_node_memory_ratio", node="orin") < 1
    assert scrape.value("posture_node_cpu_ratio", node="orin") == 0.2
    assert scrape.value("posture_store_free_bytes") > 0
    assert scrape.value("process_resident_memory_bytes") > 0
    assert scrape.content_type.startswith(OPENMETRICS.partition(";")[0])
    assert scrape.text.endswith("# EOF\n")
    before_openmetrics = Scrape(master.metrics_port, accept="text/plain")
    checked = promtool("check", "metrics", stdin=before_openmetrics.text)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert master.get("/healthz")[0] == master.get("/readyz")[0] == 200
    assert master.get("/")[0] == 404
