"""The link matrix: every connection with its state, its last message, its rate and its next try; dimmed when stale."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from posture_console.app import ConsoleApp
from posture_console.core.connection import Connection, Phase, Pulse
from posture_console.core.reading import Reading
from posture_console.core.rows.links import LINK_MATRIX, LinkLine, link_lines
from posture_console.core.spans import Tone, plain
from posture_console.core.store import SiteStore
from posture_console.screens.links import LinksView
from posture_console.widgets.live_table import LiveTable
from posture_shared.messages.console import Event
from posture_shared.records import Flow, Link
from support.fake_master import FakeMaster
from support.scene import Scene

NewApp = Callable[..., ConsoleApp]
Until = Callable[..., Any]


@pytest.fixture
def store() -> SiteStore:
    scene = Scene()
    scene.warm(5)
    made = SiteStore()
    made.load(scene.site("e", 1), 100.0)
    down = Link(
        name="database",
        state="down",
        detail="connection refused",
        since=scene.at - timedelta(minutes=3),
        last_ok=scene.at - timedelta(minutes=4),
        retry_s=8.0,
    )
    cluster = Link(name="kubernetes", state="up", since=scene.at, last_ok=scene.at - timedelta(seconds=7))
    made.apply(Event(epoch="e", seq=2, links=[down, cluster], flow=Flow(arriving_fps=8.0, outbox_rows=1234)))
    return made


def row(store: SiteStore, name: str, phase: Phase = Phase.LIVE, **pulse: float) -> dict[str, str]:
    lines = link_lines(reading(store, phase, **pulse))
    line = next(line for line in lines if line.name == name)
    at = reading(store, phase).moment
    return {column.name: plain(column.cell(line, at, 40)) for column in LINK_MATRIX.columns}


def reading(store: SiteStore, phase: Phase, **pulse: float) -> Reading:
    link = Connection(
        address="tcp://m:5571", phase=phase, since_s=97.0, reason="it is silent", role="viewer", attempt=4
    )
    return Reading(store, link, 102.0, pulse=Pulse(**pulse))


def test_the_master_stands_first_with_rate_while_live_and_next_try_while_lost(store: SiteStore) -> None:
    assert [line.name for line in link_lines(reading(store, Phase.LIVE))] == [
        "master",
        "broker",
        "database",
        "kubernetes",
    ]
    live = row(store, "master", heard_s=101.0, events_per_s=10.0)
    assert (live["state"], live["heard"], live["rate"], live["retry"]) == ("● up", "1.0s", "10.0 events/s", "")
    lost = row(store, "master", Phase.LOST, heard_s=97.0, retry_at_s=102.5)
    assert (lost["state"], lost["heard"], lost["retry"]) == ("✕ down", "5.0s", "in 0.5s")
    assert "it is silent, try 4" in lost["detail"]


def test_broker_database_and_cluster_say_last_message_rate_and_backoff(store: SiteStore) -> None:
    broker = row(store, "broker")
    assert broker["rate"] == "8.0 frames/s"
    assert broker["heard"].endswith("s")
    database = row(store, "database")
    assert (database["state"], database["since"], database["heard"]) == ("✕ down", "3m", "4m")
    assert (database["rate"], database["retry"], database["detail"]) == (
        "1,234 rows wait",
        "in 8.0s",
        "connection refused",
    )
    assert row(store, "kubernetes")["heard"] == "9.0s"


def test_what_was_known_before_the_master_was_lost_is_dim(store: SiteStore) -> None:
    def tones(phase: Phase) -> set[Tone]:
        now = reading(store, phase)
        line: LinkLine = next(line for line in link_lines(now) if line.name == "database")
        return {span.tone for column in LINK_MATRIX.columns for span in column.cell(line, now.moment, 20)}

    assert Tone.BAD in tones(Phase.LIVE)
    assert tones(Phase.LOST) <= {Tone.DIM, Tone.FAINT}


async def test_the_view_opens_by_key_and_from_the_overview(new_app: NewApp, until: Until, master: FakeMaster) -> None:
    app = new_app()
    async with app.run_test(size=(140, 50)) as pilot:
        await until(lambda: app.link.connection.is_live)
        await pilot.press("L")
        await until(lambda: isinstance(app.screen, LinksView) and app.screen.query_one("#table", LiveTable).total == 4)
        await pilot.press("escape")
        await until(lambda: not isinstance(app.screen, LinksView))
        app.screen.query_one("#links-now", LiveTable).focus()
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, LinksView))
