"""What reaches the terminal is little, and makes the same screen as Textual's own way."""

from collections.abc import Callable
from typing import Any

import pytest
from textual._compositor import ChopsUpdate
from textual.geometry import Region

from posture_console.app import ConsoleApp
from posture_console.widgets.thrifty import Ink, _parsed, _thrifty, _transition
from support.fake_master import FakeMaster

pyte = pytest.importorskip("pyte")
NewApp = Callable[..., ConsoleApp]
Until = Callable[..., Any]
SIZE = (120, 36)


class Terminal:
    """A terminal and what it shows; blanks are compared by what can be seen of them."""

    def __init__(self) -> None:
        self.screen = pyte.Screen(*SIZE)
        self.stream = pyte.Stream(self.screen)
        self.received = 0

    def feed(self, update: Any, app: ConsoleApp) -> None:
        text = update.render_segments(app.console)
        self.received += len(text)
        self.stream.feed(text.replace("\n", "\r\n"))

    @property
    def cells(self) -> list[list[Any]]:
        rows = [[self.screen.buffer[y][x] for x in range(SIZE[0])] for y in range(SIZE[1])]
        return [[seen(cell) for cell in row] for row in rows]


def seen(cell: Any) -> Any:
    if cell.data.isspace() and not (cell.reverse or cell.underscore or cell.strikethrough):
        return (" ", cell.bg)
    return cell


@pytest.mark.parametrize("theme", ["posture-dark", "posture-mono"])
async def test_thrifty_updates_make_the_same_screen_with_half_of_the_bytes(
    new_app: NewApp, until: Until, master: FakeMaster, theme: str
) -> None:
    app = new_app(theme)
    plain, thrifty = Terminal(), Terminal()
    async with app.run_test(size=SIZE) as pilot:
        await until(lambda: app.link.connection.is_live)
        for key in ("1", "4", "enter", "6", "question_mark"):
            await pilot.press(key)
            await pilot.pause()
            whole = app.screen._compositor.render_update(full=True)
            plain.feed(whole, app)
            thrifty.feed(_thrifty(whole, str), app)
            assert thrifty.cells == plain.cells, key
        await pilot.press("escape", "1")
        plain.received = thrifty.received = 0
        compositor = app.screen._compositor
        for turn in range(6):
            await master.advance(0.25)
            await pilot.pause(0.05)
            left = 3 * turn
            compositor._dirty_regions.update({Region(left, 5, 50, 9), Region(70 + turn, 2, 9, 30)})
            part = compositor.render_partial_update()
            assert type(part) is ChopsUpdate
            plain.feed(part, app)
            thrifty.feed(_thrifty(part, str), app)
        whole = compositor.render_update(full=True)
        plain.feed(whole, app)
        shown = Terminal()
        shown.feed(whole, app)
        thrifty.feed(_thrifty(whole, str), app)
        assert thrifty.cells == shown.cells
    assert thrifty.received < plain.received / 2


async def test_a_part_of_a_line_is_sent_without_what_stands_left_of_it(new_app: NewApp, until: Until) -> None:
    app = new_app()
    async with app.run_test(size=SIZE):
        await until(lambda: app.link.connection.is_live)
        compositor = app.screen._compositor
        compositor._dirty_regions = {Region(60, 6, 4, 1)}
        text = _thrifty(compositor.render_partial_update(), str).render_segments(app.console)
        assert text.startswith("\x1b[7;61H")
        assert text.endswith("\x1b[0m")
        assert len(text) < 60


@pytest.mark.parametrize(
    ("codes", "ink"),
    [
        ("1;38;2;1;2;3;48;2;4;5;6", Ink(("1",), "38;2;1;2;3", "48;2;4;5;6")),
        ("3;4;38;5;200", Ink(("3", "4"), "38;5;200")),
        ("7;91;104", Ink(("7",), "91", "104")),
        ("37;40", Ink((), "37", "40")),
        ("39;49", Ink((), "39", "49")),
    ],
)
def test_styles_of_every_kind_of_terminal_are_taken_apart(codes: str, ink: Ink) -> None:
    assert _parsed(codes) == ink


def test_an_attribute_that_ends_is_reset_and_colours_are_kept() -> None:
    assert _transition(Ink(("1",), "31", "40"), Ink((), "31", "40")) == "\x1b[0;31;40m"
    assert _transition(Ink((), "31", "40"), Ink(("1",), "31", "44")) == "\x1b[1;44m"
    assert _transition(Ink((), "31", "40"), Ink((), "", "40")) == "\x1b[39m"
