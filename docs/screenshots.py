# ruff: noqa: INP001 - a script beside the documentation it makes, not a package
"""Makes pictures of the console from an invented site, the same each time, or from a running one.

    python docs/screenshots.py                              those of README and documentation, into docs/images
    python docs/screenshots.py --all --out /tmp/views       every view, at two sizes, in three themes
    python docs/screenshots.py --connect tcp://HOST:5571    from a running site

`make screenshots` takes them from the demo.
"""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from posture_console.demo.shots import DOCUMENTED, every_view, take

HERE: Final = Path(__file__).parent


@contextlib.asynccontextmanager
async def invented_site() -> AsyncIterator[str]:
    """The tests' own master with a living scene; its address."""
    sys.path.insert(0, str(HERE.parent / "tests"))
    from support.fake_master import FakeMaster  # noqa: PLC0415 - only where no address was given
    from support.scene import Scene  # noqa: PLC0415 - likewise

    scene = Scene()
    scene.warm(240)
    master = FakeMaster(scene)
    master.acts.obey("job_launch", {"node": "agx-2"})
    await master.start()
    living = asyncio.create_task(master.live())
    try:
        yield master.address
    finally:
        living.cancel()
        await master.stop()


async def main(address: str | None, folder: Path, names: list[str], *, every: bool) -> None:
    """Take the pictures, or those named."""
    shots = [shot for shot in (every_view() if every else DOCUMENTED) if not names or shot.name in names]
    async with contextlib.nullcontext(address) if address is not None else invented_site() as found:
        for file in await take(found, shots, folder, lived_s=1.0 if every else 6.0):
            sys.stdout.write(f"{file}\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="pictures to take; all without")
    parser.add_argument("--connect", metavar="tcp://HOST:5571")
    parser.add_argument("--all", action="store_true", dest="every", help="every view in every look")
    parser.add_argument("--out", type=Path, default=HERE / "images")
    args = parser.parse_args()
    asyncio.run(main(args.connect, args.out, args.names, every=args.every))
