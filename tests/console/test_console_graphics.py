"""Pictures by the terminal's own graphics: what is sent is the picture, and asking leaves nothing behind."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat

from posture_console.widgets.terminal_pictures import known_modes
from posture_console.widgets.terminal_probe import MOST_BYTES, WAIT_S, Graphics, read_answers
from support.fake_master import FakeMaster
from support.graphics_terminal import CELL, KITTY, PLAIN, SIXEL, GraphicsTerminal, kitty_picture, sixel_picture

pytest.importorskip("pty", reason="pseudo terminals are POSIX")
pytest.importorskip("pyte")


@contextlib.contextmanager
def terminal(*words: str, answers: bytes, late_s: float = 0.0, **environment: str) -> Iterator[GraphicsTerminal]:
    made = GraphicsTerminal(*words, answers=answers, late_s=late_s, **environment)
    try:
        yield made
    finally:
        made.close()


def apart(shown: Image.Image, meant: bytes) -> float:
    """Mean difference of the channels, 0–255, between a picture on the screen and the one that was meant."""
    wanted = Image.open(BytesIO(meant)).convert("RGB").resize(shown.size, Image.Resampling.LANCZOS)
    return max(ImageStat.Stat(ImageChops.difference(shown, wanted)).mean)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("mode", "answers", "decoded"),
    [("kitty", KITTY + CELL + PLAIN, kitty_picture), ("sixel", CELL + SIXEL, sixel_picture)],
)
async def test_the_terminal_is_sent_the_picture_itself(
    master: FakeMaster, mode: str, answers: bytes, decoded: Callable[[bytes], Image.Image | None]
) -> None:
    newest = max(master.scene.results, key=lambda r: r.received_time)
    meant = master.scene.picture(newest.frame_id)
    assert meant is not None

    def looked_at() -> Image.Image:
        with terminal("--connect", master.address, "--pictures", mode, answers=answers) as shown:
            shown.until(lambda: "pi4" in shown.shown)
            shown.press("6")
            shown.until(lambda: "REASON" in shown.shown)
            shown.press("\r")
            shown.until(lambda: f"Picture · {mode}" in shown.shown)
            shown.until(lambda: decoded(shown.raw) is not None)
            found = decoded(shown.raw)
            assert found is not None
            return found

    picture = await asyncio.to_thread(looked_at)
    assert picture.width >= 300
    assert apart(picture, meant) < 10
    assert apart(picture, master.scene.picture(other_than(master, newest))) > apart(picture, meant)


def other_than(master: FakeMaster, result: Any) -> str:
    far = max(master.scene.results, key=lambda r: abs((r.body_angle or 0) - (result.body_angle or 0)))
    return str(far.frame_id)


@pytest.mark.integration
@pytest.mark.parametrize("late_s", [0.0, 0.5])
async def test_answers_of_the_terminal_never_become_key_presses(master: FakeMaster, late_s: float) -> None:
    """They hold `?`, `6`, `c` and `q`-like letters: help, the log, a copy."""

    def looked_at() -> str:
        with terminal(
            "--connect", master.address, "--pictures", "sixel", answers=KITTY + CELL + SIXEL, late_s=late_s
        ) as shown:
            shown.until(lambda: "pi4" in shown.shown and "Latest results" in shown.shown)
            shown.press("2")
            shown.until(lambda: "4 cameras" in shown.shown)
            return shown.shown

    lines = (await asyncio.to_thread(looked_at)).splitlines()
    assert not any("Help" in line or "Result" in line for line in lines[1:20])


@pytest.mark.integration
async def test_a_terminal_that_answers_nothing_is_waited_for_a_moment_and_gets_blocks(master: FakeMaster) -> None:
    def looked_at() -> None:
        with terminal("--connect", master.address, answers=b"", TERM="xterm-kitty") as shown:
            shown.until(lambda: "pi4" in shown.shown, seconds=20 + WAIT_S)
            shown.press("6")
            shown.until(lambda: "REASON" in shown.shown)
            shown.press("\r")
            shown.until(lambda: "Picture · blocks" in shown.shown)

    await asyncio.to_thread(looked_at)


@pytest.mark.parametrize(
    ("answers", "graphics"),
    [
        (b"", Graphics()),
        (KITTY + CELL + PLAIN, Graphics(kitty=True, cell=(10, 20))),
        (CELL + SIXEL, Graphics(sixel=True, cell=(10, 20))),
        (b"\x1b_Gi=31;ENOTSUPPORTED\x1b\\" + PLAIN, Graphics()),
        (b"\x1b[6;0;0t\x1b[?64c", Graphics()),
        (b"\x1b[?14;24c", Graphics()),
        (b"q\x1b[?62;4", Graphics()),
        (b"x" * MOST_BYTES, Graphics()),
    ],
)
def test_answers_are_read_and_nonsense_is_a_no(answers: bytes, graphics: Graphics) -> None:
    assert read_answers(answers) == graphics


def test_in_tmux_only_what_tmux_itself_speaks_is_used() -> None:
    both = Graphics(kitty=True, sixel=True)
    assert known_modes(both, in_multiplexer=False) == ("kitty", "sixel")
    assert known_modes(both, in_multiplexer=True) == ("sixel",)
    assert known_modes(Graphics(), in_multiplexer=False) == ()
