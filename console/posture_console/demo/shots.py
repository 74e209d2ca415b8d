"""Pictures of the console as SVG, from a running site: those of README and documentation, and every view in every look.

The pictures use the reader's own monospace font; nothing is fetched to show them.
"""

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, NamedTuple

from posture_console.app import ConsoleApp
from posture_console.links.endpoint import parse_endpoint
from posture_console.links.master_link import MasterLink
from posture_console.record.follower import Follower
from posture_console.record.player import Player
from posture_console.record.recorder import Recorder, TapedStore
from posture_console.record.recording import Recording
from posture_console.replaying import ReplayApp
from posture_console.settings import ConsoleSettings, Target, ThemeName

if TYPE_CHECKING:
    from textual.pilot import Pilot

_FONTS: Final = "ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace"
_LIVED_S: Final = 6.0
"""Seconds of live events before a picture, so that trends have something to show."""

_ANSWERED_S: Final = 1.5
_SIZES: Final = ((80, 24), (140, 50))
_THEMES: Final[tuple[ThemeName, ...]] = ("posture-dark", "posture-light", "posture-safe")
_VIEWS: Final = {
    "overview": "1",
    "cameras": "2",
    "nodes": "3",
    "decisions": "4",
    "jobs": "5",
    "log": "6",
    "camera": "2 enter",
    "node": "3 enter",
    "decision": "4 enter",
    "result": "6 enter",
    "help": "question_mark",
    "override": "o",
    "links": "L",
    "alarms": "a",
    "overrides": "v",
    "told": "i",
    "alarm": "a enter",
    "job": "5 enter",
    "form": "2 x",
    "confirm": "2 x c l e a n enter",
}
_REPLAYED: Final = {"replay": "space g 5 0 % enter", "what-if": "space W"}
"""Views of a recording, which is made before."""
_RECORDED_S: Final = 6.0


class Shot(NamedTuple):
    """One picture: file name, size in cells, keys to press, theme."""

    name: str
    size: tuple[int, int]
    keys: str = "1"
    theme: ThemeName = "posture-dark"
    replayed: bool = False


DOCUMENTED: Final = (
    Shot("console", (132, 36)),
    Shot("console-light", (132, 36), theme="posture-light"),
    Shot("console-result", (120, 34), "6 enter"),
    Shot("console-nodes", (120, 20), "3"),
    Shot("console-decision", (120, 24), "4 enter"),
)


def every_view() -> Iterator[Shot]:
    """Each view at each size in each theme."""
    for size, theme, (view, keys) in product(_SIZES, _THEMES, [*_VIEWS.items(), *_REPLAYED.items()]):
        name = f"{view}-{size[0]}x{size[1]}-{theme.removeprefix('posture-')}"
        yield Shot(name, size, keys, theme, replayed=view in _REPLAYED)


async def take(address: str, shots: Iterable[Shot], folder: Path, *, lived_s: float = _LIVED_S) -> list[Path]:
    """Take pictures of the site at `address`; returns their files.

    Raises:
        TimeoutError: the master does not answer.
    """
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - a script's work, nothing waits for it
    files: list[Path] = []
    with TemporaryDirectory() as passing:
        recorded = Path(passing) / "site.rec"
        for shot in shots:
            if shot.replayed and not recorded.exists():
                await _record(address, recorded, max(lived_s, _RECORDED_S))
            file = folder / f"{shot.name}.svg"
            picture = await (_replayed(recorded, shot) if shot.replayed else _taken(address, shot, lived_s))
            file.write_text(picture, encoding="utf-8")
            files.append(file)
    return files


async def _taken(address: str, shot: Shot, lived_s: float) -> str:
    app = ConsoleApp(ConsoleSettings(), Target(parse_endpoint(address), None, None, shot.theme))
    async with app.run_test(size=shot.size) as pilot:
        await _until(lambda: app.link.connection.is_live)
        await asyncio.sleep(lived_s)
        return await _pictured(app, pilot, shot)


async def _replayed(file: Path, shot: Shot) -> str:
    with Recording(file) as recording:
        app = ReplayApp(ConsoleSettings(theme=shot.theme), Player(recording))
        async with app.run_test(size=shot.size) as pilot:
            await _until(lambda: bool(app.store.results))
            return await _pictured(app, pilot, shot)


async def _pictured(app: ConsoleApp, pilot: "Pilot[int]", shot: Shot) -> str:
    for key in shot.keys.split():
        await pilot.press(key)
        await asyncio.sleep(0.5)
    await asyncio.sleep(_ANSWERED_S)
    return _without_fetching(app.export_screenshot(title="posture-console"))


async def _record(address: str, file: Path, seconds: float) -> None:
    store = TapedStore()
    link = MasterLink(parse_endpoint(address), store)
    following = asyncio.create_task(link.run())
    try:
        async with asyncio.timeout(20):
            await link.wait_live()
        await Follower(link, store, Recorder(file), pictures=False).run(seconds)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def _until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - a condition of the app, not an event
            await asyncio.sleep(0.05)


def _without_fetching(svg: str) -> str:
    """The picture with the reader's own font instead of one from the network, and with its blanks for every viewer."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = svg.replace("<text ", '<text xml:space="preserve" ')
    return re.sub(r"font-family: [^;]*;", f"font-family: {_FONTS};", svg)
