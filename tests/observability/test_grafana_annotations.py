"""Decisions written to Grafana: by its API, once, and whatever Grafana does the master does not notice."""

import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from posture_agent.metrics.annotations import Annotations, annotation
from posture_agent.metrics.grafana_settings import GrafanaSettings
from posture_agent.metrics.observed import Observed
from posture_agent.posting import QUEUE
from posture_shared.records import Decision
from support.dashboards import boards
from support.processes import eventually, free_port
from support.web_address import WebAddress

TOKEN = "glsa_T0PSECRET"
Alarms = list[tuple[str, str, str | None]]


def decision(number: int = 1, **more: object) -> Decision:
    given: dict[str, object] = {
        "decision_id": f"d{number}",
        "generation": number,
        "at": datetime(2026, 3, 29, 12, tzinfo=UTC),
        "scope": "all",
        "state": "OFFLOADED",
        "source": "orin",
        "target": "agx",
        "trigger": "cpu",
        "inputs": {},
        "candidates": [],
        "reason": "CPU 71 % >= 60 %",
    }
    return Decision(**{**given, **more})  # type: ignore[arg-type]


@pytest.fixture
def grafana() -> Iterator[WebAddress]:
    one = WebAddress("/grafana/")
    yield one
    one.close()


@asynccontextmanager
async def writing(url: str, alarms: Alarms) -> AsyncIterator[Annotations]:
    settings = GrafanaSettings.model_validate({"url": url, "token": TOKEN, "tries": 3, "timeout_s": 2})
    annotations = Annotations(settings, lambda *alarm: alarms.append(alarm), pause_s=(0.02, 0.1))
    annotations.start()
    try:
        yield annotations
    finally:
        await annotations.stop()


async def test_a_decision_is_posted_with_the_token_and_the_tags_that_the_dashboard_asks_for(
    grafana: WebAddress,
) -> None:
    async with writing(grafana.url, []) as annotations:
        annotations.decision(decision())
        await eventually(lambda: grafana.posts)
    path, headers, body = grafana.posts[0]
    assert path == "/grafana/api/annotations"
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    told = json.loads(body)
    assert told["time"] == 1774785600000
    assert told["text"] == "all: OFFLOADED, orin → agx. CPU 71 % &gt;= 60 %"
    asked = [one["target"]["tags"] for one in boards()["edge-nodes"]["annotations"]["list"] if "target" in one]
    assert asked == [told["tags"][:2]]


async def test_a_refusal_is_an_alarm_that_ends_with_the_next_success_and_names_no_token(
    grafana: WebAddress, caplog: pytest.LogCaptureFixture
) -> None:
    alarms: Alarms = []
    grafana.answers = [401, 200]
    with caplog.at_level(logging.DEBUG):
        async with writing(grafana.url, alarms) as annotations:
            annotations.decision(decision())
            await eventually(lambda: alarms)
            annotations.decision(decision(2))
            await eventually(lambda: len(alarms) == 2)
    assert alarms[0] == ("webhook", "Grafana", "decisions do not reach Grafana: it answered 401")
    assert alarms[1] == ("webhook", "Grafana", None)
    assert TOKEN not in caplog.text + str(alarms)


async def test_a_grafana_that_is_away_costs_a_bounded_queue() -> None:
    alarms: Alarms = []
    async with writing(f"http://127.0.0.1:{free_port()}", alarms) as annotations:
        for number in range(3 * QUEUE):
            annotations.decision(decision(number))
        posting = annotations._posting
        assert posting is not None
        assert posting.waiting == QUEUE
        await eventually(lambda: alarms)
    assert alarms[0][2] == "decisions do not reach Grafana: it cannot be reached (ConnectError)"


async def test_without_an_address_nothing_is_done() -> None:
    async with writing("", []) as annotations:
        annotations.decision(decision())


def test_a_decision_that_is_told_again_is_not_a_new_one() -> None:
    observed = Observed(CollectorRegistry())
    assert observed.decision(decision())
    assert not observed.decision(decision(handover_ms=1500.0))
    assert observed.decision(decision(2))


def test_names_from_outside_are_no_markup() -> None:
    assert "<b>" not in str(annotation(decision(reason="<b>x</b>"))["text"])
