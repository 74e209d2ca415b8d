"""Every PromQL expression of the dashboards and rules through a real Prometheus that scraped a running site.

The site is real: broker, master, two workers, cameras with their publisher, PostgreSQL; its master is busy after a
while, so that analysis moves to the other node.
"""

import json
import math
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from support.dashboards import as_promql, queries
from support.mosquitto import Mosquitto
from support.postgres import Postgres
from support.processes import Programs, free_port, wait_for
from support.prometheus import Prometheus
from support.scrape import Scrape, promtool
from support.site import Camera, Master
from support.web_address import WebAddress
from support.whole_site import database_of

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(240)]

QUERIES = [query for query in queries("posture-prometheus") if not query.text.startswith("label_values")]
RATE_S = 15
JETSON = Path(__file__).parents[1] / "support" / "jetson_worker.py"


@pytest.fixture(scope="module")
def grafana() -> Iterator[WebAddress]:
    """Takes what the master writes to Grafana."""
    address = WebAddress()
    yield address
    address.close()


class Watched(NamedTuple):
    """A site and who watches it."""

    prometheus: Prometheus
    postgres: Postgres


@pytest.fixture(scope="module")
def watched(grafana: WebAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Prometheus has seen the site offload, for as long as the rates look back."""
    folder = tmp_path_factory.mktemp("site")
    broker, postgres, programs = Mosquitto(folder / "broker"), Postgres(), Programs(folder)
    broker.start()
    postgres.start()
    postgres.renew()
    server = None
    try:
        worker_metrics = free_port()
        environment = {**database_of(postgres, programs), "POSTURE_GRAFANA__URL": grafana.url}
        master = _site(programs, broker, folder, worker_metrics, environment)
        server = Prometheus(folder / "prometheus", {"master": [master.metrics_port], "worker": [worker_metrics]})
        began_s = time.monotonic()
        at = master.metrics_port
        wait_for(lambda: Scrape(at).sum("posture_node_rows_total", node="agx") > 3, 60, what="agx analyses")
        wait_for(lambda: Scrape(at).value("posture_handover_seconds_count"), 30, what="a handover")
        time.sleep(max(3.0, RATE_S - (time.monotonic() - began_s)))
        yield Watched(server, postgres)
    finally:
        if server is not None:
            server.end()
        programs.end_all()
        postgres.end()
        broker.end()


@pytest.fixture
def prometheus(watched: Watched) -> Prometheus:
    return watched.prometheus


def _site(
    programs: Programs, broker: Mosquitto, folder: Path, worker_metrics: int, environment: dict[str, str]
) -> Master:
    busy = folder / "busy"
    busy.write_text("0 20\n8 90\n")
    flags = ("--load", f"script:{busy}", "--local-threads", "1")
    master = Master(programs, broker, folder / "data", *flags, env=environment).start()
    programs.start(sys.executable, JETSON, folder / "sys", str(master.worker_port), str(worker_metrics), name="jetson")
    stranger = Camera(broker, "pi9")
    stranger.send(b"nonsense", topic="status/pi9")
    stranger.close()
    for camera in ("pi1", "pi2"):
        source = ("--broker", broker.address, "--source", "synthetic", "--size", "320x240")
        programs.start("posture-publisher", "run", "--pi-id", camera, *source, name=camera)
    return master


def asked(text: str) -> str:
    return as_promql(text, rate_interval=f"{RATE_S}s", variables={"node": ".*"})


def value(prometheus: Prometheus, panel: str, nth: int = 0) -> float:
    """What a panel shows now, by its `nth` expression; it must be one number."""
    texts = [query.text for query in QUERIES if query.panel == panel]
    (series,) = prometheus.ask(asked(texts[nth]))
    return float(series["value"][1])


def test_every_expression_of_a_dashboard_answers_with_data(prometheus: Prometheus) -> None:
    empty = []
    for query in QUERIES:
        found = prometheus.ask(asked(query.text))
        values = [float(series["value"][1]) for series in found]
        if not values or all(math.isnan(value) for value in values):
            empty.append(f"{query.panel}: {query.text}")
    assert not empty, "\n".join(empty)


def test_what_they_answer_is_what_the_site_did(prometheus: Prometheus) -> None:
    losses = ("Unaccounted for", "Never came", "Given up by cameras", "Failed")
    assert {panel: value(prometheus, panel) for panel in losses} == dict.fromkeys(losses, 0)
    assert 0.5 < value(prometheus, "Arriving") < 10  # two cameras of 2 frames/s, on a machine that may be busy
    temperatures = prometheus.ask("posture_node_temperature_celsius")
    assert {series["metric"]["node"]: series["value"][1] for series in temperatures}["agx"] == "51.5"
    assert prometheus.ask('posture_node_gpu_ratio{node="agx"}')[0]["value"][1] == "0.375"
    assert {series["metric"]["node"] for series in prometheus.ask("posture_node_rows_total > 0")} == {"orin", "agx"}
    assert {series["metric"]["job"] for series in prometheus.ask("up == 1")} == {"posture-master", "posture-worker"}


def test_the_decision_to_offload_is_an_annotation(prometheus: Prometheus, grafana: WebAddress) -> None:
    wait_for(lambda: grafana.posts, 10, what="an annotation")
    written = [json.loads(body) for _, _, body in grafana.posts]
    assert {path for path, _, _ in grafana.posts} == {"/api/annotations"}
    assert any("orin → agx" in one["text"] and one["tags"][:2] == ["posture", "placement"] for one in written)
    decisions = sum(float(series["value"][1]) for series in prometheus.ask("posture_decisions_total"))
    assert len(written) == decisions


def test_every_alert_rule_can_be_evaluated_and_its_metrics_are_there(prometheus: Prometheus) -> None:
    rules = prometheus.rules()
    assert len(rules) >= 20
    assert {rule["health"] for rule in rules} == {"ok"}, [rule.get("lastError") for rule in rules]
    known = set(prometheus.names())
    unknown = {name for rule in rules for name in _metrics(rule["query"]) if name not in known}
    assert not unknown


def test_nothing_is_named_against_the_conventions(prometheus: Prometheus) -> None:
    labels = {label for series in prometheus.ask('{__name__=~"posture_.+"}') for label in series["metric"]}
    assert not {label for label in labels if label.startswith("exported_")}, "a label collides with Prometheus' own"
    assert promtool("check", "config", prometheus.configuration).returncode == 0


def test_rows_that_wait_for_the_database_are_counted_and_grow_old(watched: Watched) -> None:
    """Depth and age of the outbox, as the panel asks; last, for the site's database goes away and comes back."""
    prometheus, postgres = watched

    def depth() -> float:
        return value(prometheus, "Outbox", 0)

    def age_s() -> float:
        return value(prometheus, "Outbox", 1)

    postgres.stop()
    wait_for(lambda: depth() > 0, 20, what="rows wait")
    first_rows, first_s = depth(), age_s()
    wait_for(lambda: depth() > first_rows and age_s() >= first_s + 2, 30, what="more rows wait, the oldest for longer")
    postgres.start()
    wait_for(lambda: depth() < first_rows and age_s() < first_s + 2, 60, what="the rows are drained")


def _metrics(expression: str) -> list[str]:
    """The names of our metrics in an expression."""
    return re.findall(r"\bposture_\w+", expression)
