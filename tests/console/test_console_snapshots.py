"""Each view at the smallest and at a usual size, as text, compared with what was looked at and found good.

After a change that is meant: `make snapshots`, then look at the difference.
"""

import asyncio
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from posture_console.app import ConsoleApp
from posture_console.links.endpoint import parse_endpoint
from posture_console.record.player import Player
from posture_console.record.recording import Recording
from posture_console.replaying import ReplayApp
from posture_console.settings import ConsoleSettings, Target
from support.recorded import Past
from support.still_site import AT, StillSite

KEPT = Path(__file__).parent / "snapshots"
VIEWS = {
    "overview": "1",
    "cameras": "2",
    "nodes": "3",
    "decisions": "4",
    "jobs": "5",
    "log": "6",
    "camera": "2 enter",
    "node": "3 enter",
    "job": "5 enter",
    "decision": "4 enter",
    "result": "6 enter",
    "alarms": "1 a",
    "alarm": "1 a enter",
    "links": "1 L",
    "told": "1 i",
}
ANSWERED = {"jobs": "posture-worker", "job": "phases"}
"""What is on the screen once the question was answered that a view asks each second; until then it stands still too."""
REPLAYED = {"replay": "1", "replay-log": "6"}
"""Views of a recording, held in its middle."""
SIZES = pytest.mark.parametrize("size", [(80, 24), (140, 50)], ids=["80x24", "140x50"])
_SLIDER = re.compile(r"(?<![▁-█])[▁-█]{2} (?=│)")
"""A scroll bar beside facts: its length tells how much there is, in steps too fine for a picture."""


@pytest.fixture(autouse=True)
def everywhere_the_same(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times of day are local ones."""
    monkeypatch.setenv("TZ", "UTC")
    if hasattr(time, "tzset"):
        time.tzset()
    yield
    monkeypatch.undo()
    if hasattr(time, "tzset"):
        time.tzset()


def text_of(app: ConsoleApp) -> str:
    lines = ("".join(s.text for s in strip).rstrip() for strip in app.screen._compositor.render_strips())
    return _SLIDER.sub("   ", "\n".join(lines)) + "\n"


async def settled(app: ConsoleApp) -> str:
    """The screen once it has stopped changing."""
    before, same = "", 0
    async with asyncio.timeout(20):
        while same < 8:
            await asyncio.sleep(0.1)
            now = text_of(app)
            same = same + 1 if now == before else 0
            before = now
    return before


def differing(name: str, size: tuple[int, int], seen: str) -> list[str]:
    """What a view was and is, where it is not what was kept; or it is kept from now on."""
    file = KEPT / f"{name}-{size[0]}x{size[1]}.txt"
    if os.environ.get("POSTURE_RENEW_SNAPSHOTS"):
        file.write_text(seen, encoding="utf-8")
    before = file.read_text(encoding="utf-8") if file.exists() else "not kept"
    return [] if seen == before else [f"{file.name} was\n{before}\nand is now\n{seen}"]


async def each_looked_at(app: ConsoleApp, pilot: Any, views: dict[str, str], size: tuple[int, int]) -> None:
    others = []
    for name, keys in views.items():
        for key in keys.split():  # what is opened shows its rows before the next key is meant for one of them
            await pilot.press(key)
            await settled(app)
        if name in ANSWERED:
            async with asyncio.timeout(20):
                while ANSWERED[name] not in await settled(app):
                    continue
        others += differing(name, size, text_of(app))
        await pilot.press(*["escape"] * (len(keys.split()) - 1))
    assert not others, "\n".join([*others, "where that is meant: make snapshots"])


@SIZES
async def test_views_look_as_they_were_found_good(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    target = Target(parse_endpoint("tcp://site:5571"), None, None, "posture-dark")
    app = ConsoleApp(ConsoleSettings(), target, picture_mode="figure", source=StillSite())
    monkeypatch.setattr(app._own_load, "now", lambda: None)
    async with app.run_test(size=size) as pilot:
        await each_looked_at(app, pilot, VIEWS, size)


@SIZES
async def test_a_recording_looks_as_it_was_found_good(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, until: Callable[..., Any]
) -> None:
    past = Past(tmp_path / "site.rec", at=AT)
    await past.live(120)
    await past.recorder.close()
    with Recording(past.recorder.file) as recording:
        app = ReplayApp(ConsoleSettings(), Player(recording), picture_mode="figure")
        monkeypatch.setattr(app._own_load, "now", lambda: None)
        async with app.run_test(size=size) as pilot:
            await until(lambda: "REPLAY" in text_of(app))
            await pilot.press("space", "g")
            await settled(app)
            await pilot.press(*"50%", "enter")
            await app.player.arrived()
            await each_looked_at(app, pilot, REPLAYED, size)


@pytest.mark.parametrize("view", ["overview", "camera", "decision"])
async def test_a_view_fits_itself_to_the_room_it_gets_though_nothing_new_is_heard(
    view: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Target(parse_endpoint("tcp://site:5571"), None, None, "posture-dark")
    app = ConsoleApp(ConsoleSettings(), target, picture_mode="figure", source=StillSite())
    monkeypatch.setattr(app._own_load, "now", lambda: None)
    async with app.run_test(size=(140, 50)) as pilot:
        await pilot.press(*VIEWS[view].split())
        await settled(app)
        await pilot.resize_terminal(80, 24)
        assert await settled(app) == (KEPT / f"{view}-80x24.txt").read_text(encoding="utf-8")
