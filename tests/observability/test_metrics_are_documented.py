"""What agents tell without running one: names are those of the document, labels cannot grow without end."""

import re
import time
from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from posture_agent.metrics.bounded import MOST_CAMERAS, MOST_NODES, OTHERS
from posture_agent.metrics.observed import Observed
from posture_agent.metrics.site import SiteCollector
from posture_agent.worker.monitoring import Monitoring
from posture_agent.worker.settings import WorkerSettings
from posture_publisher.metrics import application
from posture_publisher.monitoring import Glance
from posture_publisher.wire import CameraStatus
from posture_shared.records import Site
from support.scene import Scene
from support.scrape import Scrape

PAGE = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
SUFFIXES = {"counter": "_total", "info": "_info"}


def tables(page: str) -> dict[str, set[str]]:
    """The names in the table under each heading."""
    found = {}
    for section in re.split(r"^## ", page, flags=re.MULTILINE):
        first_column = " ".join(re.findall(r"^\|[^|]+\|", section, re.MULTILINE))
        found[section.splitlines()[0]] = set(re.findall(r"`(posture_\w+)`", first_column))
    return found


def named(families: Iterable[Metric]) -> set[str]:
    return {family.name + SUFFIXES.get(family.type, "") for family in families if family.name.startswith("posture_")}


def told_of(site: Site) -> list[Metric]:
    collector = SiteCollector(lambda: site, jobs=lambda: {"running": 1}, free_bytes=lambda: 5)
    return list(collector.collect())


def test_the_document_names_what_the_master_tells_and_nothing_else() -> None:
    registry = CollectorRegistry()
    Observed(registry)
    site = Scene(cameras=2, nodes=2).site("epoch", 1)
    assert tables(PAGE.read_text())["The master's"] == named(told_of(site)) | named(registry.collect())


def test_the_document_names_what_a_worker_tells_and_nothing_else() -> None:
    monitoring = Monitoring(WorkerSettings(master="tcp://127.0.0.1:1", metrics_port=0), 0)
    monitoring.start()
    try:
        assert tables(PAGE.read_text())["A worker's own"] == named(Scrape(monitoring.port).families)
    finally:
        monitoring.stop()


def test_the_document_names_what_a_publisher_tells_and_nothing_else() -> None:
    status = CameraStatus(state="online", run="r", seq=1, spooled=0, oldest=2, fps=2.0, source="synthetic", version="0")
    body = b"".join(
        application([lambda: Glance("pi1", time.monotonic(), broker_up=True, status=status)])(
            {"REQUEST_METHOD": "GET", "PATH_INFO": "/metrics", "QUERY_STRING": ""}, lambda *_: lambda _: None
        )
    )
    told = set(re.findall(r"^(posture_\w+)\{", body.decode(), re.MULTILINE))
    assert tables(PAGE.read_text())["A publisher's own"] == told


def test_a_thousand_cameras_and_nodes_have_a_bounded_number_of_series_and_lose_no_count() -> None:
    site = Scene(cameras=1, nodes=1).site("epoch", 1)
    camera, load, worker = replace(site.cameras[0], received=3), site.nodes[0], site.workers[0]
    crowd = replace(
        site,
        cameras=[replace(camera, pi_id=f"pi{number}") for number in range(1000)],
        nodes=[replace(load, node=f"n{number}") for number in range(1000)],
        workers=[replace(worker, node=f"n{number}") for number in range(1000)],
    )
    families = {family.name: family for family in told_of(crowd)}
    received = {sample.labels["camera"]: sample.value for sample in families["posture_camera_frames"].samples}
    assert len(received) == MOST_CAMERAS + 1
    assert sum(received.values()) == 3000
    assert received[OTHERS] == 3 * (1000 - MOST_CAMERAS)
    assert len(families["posture_node_cpu_ratio"].samples) == MOST_NODES
    assert len(families["posture_worker_state"].samples) == MOST_NODES
    assert sum(len(family.samples) for family in families.values()) < 5000


def test_who_was_first_keeps_the_series_and_its_count_never_falls() -> None:
    scene = Scene(cameras=1, nodes=1).site("epoch", 1)
    names = [f"pi{number}" for number in range(MOST_CAMERAS)]
    latest = [scene]
    collector = SiteCollector(lambda: latest[0], jobs=dict, free_bytes=lambda: None)

    def counts(cameras: list[str]) -> dict[str, float]:
        latest[0] = replace(scene, cameras=[replace(scene.cameras[0], pi_id=name, received=5) for name in cameras])
        family = next(family for family in collector.collect() if family.name == "posture_camera_frames")
        return {sample.labels["camera"]: sample.value for sample in family.samples}

    before = counts(names)
    assert counts(["a-new-one", *names]) == {**before, OTHERS: 5}


def test_before_the_first_look_there_is_nothing_to_tell() -> None:
    assert list(SiteCollector(lambda: None, jobs=dict, free_bytes=lambda: None).collect()) == []
