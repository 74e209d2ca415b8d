"""Lists of the whole site over any view: overrides, alarms, links, what was told, and Jobs. Their keys are the same."""

from __future__ import annotations

import csv
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from posture_console.core.header import own_line
from posture_console.core.reading import Own
from posture_console.core.rows.happenings import HAPPENINGS, happenings
from posture_console.core.rows.jobs import JOBS
from posture_console.core.rows.links import LINK_MATRIX, LinkLine
from posture_console.core.rows.notices import NOTICES
from posture_console.core.sheet import Moment, row_cells, widths
from posture_console.core.spans import Tone, plain
from posture_console.core.store import SiteStore
from posture_console.screens.alarm import AlarmView
from posture_console.screens.alarms import AlarmsView
from posture_console.screens.links import LinksView
from posture_console.screens.overrides import OverridesView
from posture_console.screens.overview import OverviewView
from posture_console.widgets.live_table import LiveTable
from posture_shared.messages.jobs import Job
from posture_shared.records import Override
from support.operator_hands import text_of
from support.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from support.fake_master import FakeMaster
    from support.operator_hands import Operator


def table(hands: Operator) -> LiveTable[Any]:
    return hands.app.screen.query_one("#table", LiveTable)


async def listed(hands: Operator, key: str, kind: type) -> LiveTable[Any]:
    await hands.press(key)
    await hands.until(lambda: isinstance(hands.app.screen, kind) and hands.app.screen.has_widgets)
    await hands.until(lambda: table(hands).record is not None)
    return table(hands)


def overriding(master: FakeMaster, *scopes: str) -> None:
    said: dict[str, Any] = {"reason": "fan", "author": "ada", "since": master.scene.at, "until": None}
    master.scene.overrides = [Override(scope=scope, target="local", **said) for scope in scopes]


async def test_an_override_of_a_camera_that_is_unknown_now_is_cleared_from_the_list(
    operating: Callable[..., Any], master: FakeMaster
) -> None:
    overriding(master, "all", "pi1", "long-gone")
    async with operating((80, 24)) as hands:
        await listed(hands, "v", OverridesView)
        await hands.told("long-gone", "fan", "never")
        await hands.press("down")
        assert table(hands).record.scope == "long-gone"
        await hands.press("d")
        await hands.confirm()
        assert "long-gone to the master" in text_of(hands.app)
        await hands.press("y")
        await hands.until(lambda: table(hands).total == 2)
        assert [(c.verb, c.args) for c in master.commands] == [("override_clear", {"scope": "long-gone"})]
        await hands.press("u")
        await hands.until(lambda: table(hands).total == 3)


async def test_marked_overrides_are_cleared_together(operating: Callable[..., Any], master: FakeMaster) -> None:
    overriding(master, "all", "pi1", "long-gone")
    async with operating() as hands:
        await listed(hands, "v", OverridesView)
        await hands.press("space", "down", "space", "d")
        await hands.confirm()
        await hands.press("y")
        await hands.until(lambda: [o.scope for o in hands.app.store.overrides] == ["long-gone"])


async def test_alarms_are_filtered_marked_silenced_and_opened_in_their_list(
    operating: Callable[..., Any], master: FakeMaster
) -> None:
    first = master.scene.alarms[0]
    for n in range(2, 5):
        master.scene.alarms.append(msgspec.structs.replace(first, alarm_id=f"a{n}", subject=f"pi{n}", text=f"no {n}"))
    async with operating((80, 24)) as hands:
        rows = await listed(hands, "a", AlarmsView)
        assert rows.total == 4
        await hands.press("slash", *"no", "enter")
        assert {alarm.alarm_id for alarm in rows.listing.rows} == {"a2", "a3", "a4"}
        await hands.press("space", "space")
        form = await hands.form("z")
        assert form.values["alarm"] == "*"
        await hands.press(*"ntp", "enter")
        await hands.confirm()
        await hands.press("y")
        await hands.until(lambda: sum(alarm.silence is not None for alarm in hands.app.store.alarms.values()) == 2)
        await hands.press("enter")
        await hands.until(lambda: isinstance(hands.app.screen, AlarmView))


async def test_escape_clears_the_filter_then_the_marks_then_leads_back(operating: Callable[..., Any]) -> None:
    async with operating() as hands:
        rows = await listed(hands, "L", LinksView)
        await hands.press("slash", *"broker", "enter", "space")
        assert len(rows.listing.rows) == 1
        await hands.press("escape")
        assert len(rows.listing.rows) == 4
        assert rows.listing.marked
        await hands.press("escape")
        assert not rows.listing.marked
        await hands.press("escape")
        await hands.until(lambda: isinstance(hands.app.screen, OverviewView))


def exported(folder: Path) -> list[str]:
    """The names in the file of Jobs that was written."""
    files = list(folder.glob("posture-jobs-*.csv"))
    return [row["job"] for file in files for row in csv.DictReader(file.read_text("utf-8").splitlines())]


async def test_jobs_are_filtered_copied_and_exported_like_everything_else(
    operating: Callable[..., Any], master: FakeMaster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for node in ("agx-2", "nuc-3"):
        master.acts.obey("job_launch", {"node": node, "id": node})
    async with operating((80, 24)) as hands:
        await hands.press("5")
        await hands.until(lambda: table(hands).total == 2)
        await hands.press("slash", *"node:nuc", "enter")
        assert [job.node for job in table(hands).listing.rows] == ["nuc-3"]
        await hands.press("c")
        await hands.until(lambda: "posture-worker-nuc-3-2" in hands.app.clipboard)
        await hands.press("e")
        await hands.until(lambda: exported(tmp_path) == ["posture-worker-nuc-3-2"])
        await hands.press("f")
        await hands.told("none of 2 passes", "faults only")


async def test_what_this_console_takes_is_said_at_the_smallest_size(operating: Callable[..., Any]) -> None:
    async with operating((80, 24)) as hands:
        hands.app._own_load.now = lambda: Own(3.2, 81_000_000, 12_300.0)
        await listed(hands, "L", LinksView)
        await hands.told("this console  3 % of one core, 81.0 MB, 12 kB/s to the terminal")
        assert hands.app.sent_bytes >= 0
    assert "in a moment" in plain(own_line(None))


async def test_a_list_whose_rows_lead_nowhere_offers_no_opening(operating: Callable[..., Any]) -> None:
    async with operating() as hands:
        await listed(hands, "L", LinksView)
        assert "enter" not in hands.app.screen.active_bindings
        await hands.press("escape", "a")
        await hands.until(lambda: "enter" in hands.app.screen.active_bindings)


async def test_the_keys_of_a_list_stand_at_the_foot_of_the_smallest_screen(
    operating: Callable[..., Any], master: FakeMaster
) -> None:
    overriding(master, "pi1")
    async with operating((80, 24)) as hands:
        await listed(hands, "v", OverridesView)
        await hands.told(" d Clear", " / Filter", "esc Back")


def is_dimmed(sheet: Any, record: Any, now: Any) -> bool:
    cells = row_cells(sheet, record, Moment(now), widths(sheet.columns, 120))
    bright = {span.tone for cell in cells for span in cell if span.text.strip()} - {Tone.DIM, Tone.FAINT}
    return not bright


def test_rows_of_the_past_are_dimmed_once_they_are_old() -> None:
    scene = Scene()
    scene.warm(5)
    store, now = SiteStore(), scene.at
    store.load(scene.site("e", 1), 0.0)
    made = {"node": "agx-2", "by": "x", "detail": "", "created": now}
    later = now + timedelta(hours=2)
    assert not is_dimmed(JOBS, Job(name="j", state="running", **made), later)
    assert is_dimmed(JOBS, Job(name="j", state="complete", **made), later)
    up = LinkLine("broker", "up", now, now, 1.0, "frames", None, "", stale=False)
    assert not is_dimmed(LINK_MATRIX, up, now)
    assert is_dimmed(LINK_MATRIX, up, later)
    assert not is_dimmed(LINK_MATRIX, up._replace(state="down"), later)
    alarm, *past = happenings(store)
    assert HAPPENINGS.at is not None
    assert HAPPENINGS.at(alarm) is None
    assert all(HAPPENINGS.at(one) == one.at for one in past)
    assert NOTICES.old_s == 3600.0
