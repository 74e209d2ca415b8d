"""A console on a screen of its own against a fake master."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest

from posture_console.app import ConsoleApp
from posture_console.links.endpoint import parse_endpoint
from posture_console.settings import ConsoleSettings, Target
from support.fake_master import FakeMaster
from support.operator_hands import SIZE, Operating
from support.scene import Scene


@pytest.fixture
async def master() -> AsyncIterator[FakeMaster]:
    """A master whose site has a past of a minute and a half, and stands still until it is told to go on."""
    scene = Scene()
    scene.warm()
    serving = FakeMaster(scene)
    await serving.start()
    yield serving
    serving.resume()
    await serving.stop()


@pytest.fixture
def new_app(master: FakeMaster) -> Callable[..., ConsoleApp]:
    def made(theme: str = "posture-dark") -> ConsoleApp:
        target = Target(parse_endpoint(master.address), None, None, theme)
        return ConsoleApp(ConsoleSettings(), target)

    return made


@pytest.fixture
def operating(new_app: Callable[..., ConsoleApp], until: Callable[..., object]) -> Callable[..., Operating]:
    """A console with hands on its keys; `async with operating() as hands`."""

    def opened(size: tuple[int, int] = SIZE) -> Operating:
        return Operating(new_app(), until, size)

    return opened


@pytest.fixture
def until() -> Callable[..., object]:
    async def waited(holds: Callable[[], bool], seconds: float = 8.0) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, "the awaited did not happen in time"
            await asyncio.sleep(0.01)

    return waited
