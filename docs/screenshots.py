# ruff: noqa: INP001 - a script beside the documentation it makes, not a package
"""Makes the pictures of the console for README and documentation: `docs/images/*.svg`.

    python docs/screenshots.py                              an invented site, the same each time
    python docs/screenshots.py --connect tcp://HOST:5571    a running one, for example that of `posture-console demo`

The pictures use the reader's own monospace font; nothing is fetched to show them.
"""

import argparse
import asyncio
import contextlib
import re
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final, NamedTuple

from textual.pilot import Pilot

from posture_console.app import ConsoleApp
from posture_console.links.endpoint import parse_endpoint
from posture_console.settings import ConsoleSettings, Target, ThemeName

HERE: Final = Path(__file__).parent
FONTS: Final = "ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace"
LIVED_S: Final = 6.0
"""Seconds of live events before the first picture, so that trends have something to show."""


class Shot(NamedTuple):
    """One picture: file name, size in cells, keys to press, theme."""

    name: str
    size: tuple[int, int]
    keys: tuple[str, ...] = ()
    theme: ThemeName = "posture-dark"


SHOTS: Final = (
    Shot("console", (132, 36)),
    Shot("console-light", (132, 36), theme="posture-light"),
    Shot("console-result", (120, 34), ("6", "enter")),
    Shot("console-nodes", (120, 20), ("3",)),
    Shot("console-decision", (120, 24), ("4", "enter")),
)


@contextlib.asynccontextmanager
async def invented_site() -> AsyncIterator[str]:
    """The tests' own master with a living scene; its address."""
    sys.path.insert(0, str(HERE.parent / "tests"))
    from support.fake_master import FakeMaster  # noqa: PLC0415 - only where no address was given
    from support.scene import Scene  # noqa: PLC0415 - likewise

    scene = Scene()
    scene.warm(240)
    master = FakeMaster(scene)
    await master.start()
    living = asyncio.create_task(master.live())
    try:
        yield master.address
    finally:
        living.cancel()
        await master.stop()


@contextlib.asynccontextmanager
async def given_site(address: str) -> AsyncIterator[str]:
    """A master that runs already."""
    yield address


async def take(address: str, shot: Shot) -> str:
    """One picture as SVG."""
    app = ConsoleApp(ConsoleSettings(), Target(parse_endpoint(address), None, None, shot.theme))
    async with app.run_test(size=shot.size) as pilot:
        await until(lambda: app.link.connection.is_live)
        await asyncio.sleep(LIVED_S)
        await press(pilot, shot.keys)
        svg = app.export_screenshot(title="posture-console")
    return without_fetching(svg)


async def press(pilot: Pilot[int], keys: tuple[str, ...]) -> None:
    """Press keys as an operator would, and let the last view fill."""
    for key in keys:
        await pilot.press(key)
        await asyncio.sleep(0.6)
    await asyncio.sleep(1.5 if keys else 0.5)


async def until(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for a condition.

    Raises:
        TimeoutError: it did not come to hold.
    """
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - a condition of the app, not an event
            await asyncio.sleep(0.05)


def without_fetching(svg: str) -> str:
    """The picture with the reader's own font instead of one from the network."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    return re.sub(r"font-family: [^;]*;", f"font-family: {FONTS};", svg)


async def main(address: str | None, folder: Path, names: list[str]) -> None:
    """Take all pictures, or those named."""
    async with invented_site() if address is None else given_site(address) as found:
        for shot in SHOTS:
            if not names or shot.name in names:
                (folder / f"{shot.name}.svg").write_text(await take(found, shot), encoding="utf-8")
                sys.stdout.write(f"{folder / shot.name}.svg\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="pictures to take; all without")
    parser.add_argument("--connect", metavar="tcp://HOST:5571")
    parser.add_argument("--out", type=Path, default=HERE / "images")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(args.connect, args.out, args.names))
