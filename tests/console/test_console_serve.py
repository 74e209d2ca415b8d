"""The console in a browser: to look at and on this machine alone, unless more is asked for."""

import asyncio
import contextlib
import os
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from posture_console.served.server import is_local, refused
from support.browser import Page, new_page
from support.console_process import Console
from support.fake_master import FakeMaster
from support.processes import eventually, free_port, listens

pyte = pytest.importorskip("pyte")
Until = Callable[..., Any]


@contextlib.asynccontextmanager
async def served(address: str, home: Path, *words: str) -> AsyncIterator[str]:
    """`posture-console serve` as a process; the address of its page."""
    port = free_port()
    program = "from posture_console.cli import main; main()"
    command = [sys.executable, "-c", program, "serve", "--port", str(port), "--connect", address, *words]
    environment = {**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=environment)
    assert process.stdout is not None
    try:
        said = await asyncio.wait_for(process.stdout.readline(), 60)
        await eventually(lambda: listens(port))
        yield said.decode().split()[0]
    finally:
        process.terminate()
        await process.wait()


def shown(page: Page) -> str:
    """What the terminal in the page shows."""
    screen = pyte.Screen(300, 100)
    pyte.ByteStream(screen).feed(page.received)
    return "\n".join(line.rstrip() for line in screen.display)


@pytest.mark.integration
@pytest.mark.slow
async def test_a_browser_shows_the_site_reads_keys_and_refuses_to_act(
    master: FakeMaster, until: Until, tmp_path: Path
) -> None:
    async with served(master.address, tmp_path / "home") as address, new_page(tmp_path / "browser") as page:
        await page.go(address)
        await until(lambda: "orin-1" in shown(page) and "pi4" in shown(page), seconds=60)
        assert "read-only" in shown(page)
        await page.type("2")
        await until(lambda: "4 cameras" in shown(page), seconds=30)
        await page.type("o")
        await until(lambda: "nothing can be changed" in shown(page), seconds=30)
        assert not master.commands
        picture = Image.open(await page.screenshot(tmp_path / "page.png")).convert("RGB")
        colours = {colour for _, colour in picture.getcolors(2**24) or []}
        assert (12, 17, 22) in colours  # the ground of posture-dark
        assert len(colours) > 50  # letters, drawn
        assert all(asked.startswith(address) for asked in page.asked)


@pytest.mark.integration
async def test_pages_of_other_sites_and_other_names_are_refused(master: FakeMaster, tmp_path: Path) -> None:
    async with served(master.address, tmp_path) as address:
        assert await asyncio.to_thread(status, address) == 200
        assert await asyncio.to_thread(status, address, Host="evil.example") == 403
        assert await asyncio.to_thread(status, f"{address}/ws", Origin="http://evil.example") == 403


def status(address: str, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=10) as answer:  # noqa: S310 - a page of our own
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize(
    ("host", "origin", "well"),
    [
        ("127.0.0.1:8000", None, True),
        ("localhost:8000", "http://localhost:8000", True),
        ("[::1]:8000", "http://[::1]:8000", True),
        ("localhost:8000", "http://localhost:9000", False),
        ("localhost:8000", "null", False),
        ("rebound.example:8000", "http://rebound.example:8000", False),
    ],
)
def test_who_is_answered(host: str, origin: str | None, *, well: bool) -> None:
    assert (not refused(host, origin, local=True)) is well


def test_beyond_this_machine_any_name_but_only_the_own_page() -> None:
    assert not refused("site.example", "https://site.example", local=False)
    assert refused("site.example", "https://evil.example", local=False)


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("::1", True),
        ("192.0.2.7", False),
        ("10.0.0.5", False),
        ("host", False),
    ],
)
def test_which_addresses_are_this_machine_alone(host: str, *, local: bool) -> None:
    assert is_local(host) is local


@pytest.mark.integration
@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--host", "192.0.2.7"], "--anyone-may-look"),
        (["--host", "192.0.2.7", "--anyone-may-look", "--allow-actions"], "for this machine alone"),
    ],
)
async def test_more_than_this_machine_must_be_said_and_never_acts(tmp_path: Path, words: list[str], why: str) -> None:
    done = await Console("tcp://127.0.0.1:1", tmp_path)("serve", *words)
    assert done.returncode == 2
    assert why in done.stderr
