"""A frame's picture in the terminal: blocks, the drawn figure, or the terminal's own graphics.

The picture comes as JPEG bytes; decoding and scaling run off the loop, and a picture that comes late never replaces one
that was asked for after it.
"""

import asyncio
from collections.abc import Sequence

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.events import Resize
from textual.strip import Strip
from textual.widget import Widget

from posture_console.core.blocks import Block, UnreadableError, blocks, open_picture
from posture_console.core.figure import figure
from posture_console.core.spans import Cell, word
from posture_console.styles.themes import look_of
from posture_console.widgets import terminal_pictures
from posture_console.widgets.paint import paint
from posture_shared.records import Result


class Picture(Widget):
    """Shows one picture in the mode of `mode`; `say` shows words instead."""

    def __init__(self, mode: str, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self.mode = mode
        self._jpeg: bytes | None = None
        self._result: Result | None = None
        self._cells: Sequence[Cell] = ()
        self._strips: list[Strip] = []

    def compose(self) -> ComposeResult:
        """Nothing until a graphics mode needs a widget of its own."""
        yield from ()

    def say(self, words: str) -> None:
        """Show words instead of a picture."""
        self._jpeg, self._strips = None, []
        self._cells = [word(words)]
        self.refresh()

    def show(self, result: Result, jpeg: bytes | None) -> None:
        """Show this frame; without a JPEG the figure is drawn."""
        self._result, self._jpeg = result, jpeg
        self._draw()

    def next_mode(self) -> str:
        """Switch to the next way of drawing that this terminal knows; returns its name."""
        known = [
            mode for mode in terminal_pictures.MODES if mode in {"blocks", "figure", *terminal_pictures.ready_modes()}
        ]
        self.mode = known[(known.index(self.mode) + 1) % len(known)] if self.mode in known else known[0]
        self._draw()
        return self.mode

    def on_resize(self, _event: Resize) -> None:
        """Scale the picture anew."""
        self._draw()

    def render_line(self, y: int) -> Strip:
        """One line, centred."""
        size = self.content_size
        count = len(self._strips) or len(self._cells)
        at = y - max(0, (size.height - count) // 2)
        if not 0 <= at < count:
            return Strip.blank(size.width, self.rich_style)
        if self._strips:
            return self._strips[at]
        return paint(self._cells[at], look_of(self.app.theme).tones, self.rich_style, size.width)

    def _draw(self) -> None:
        if self._result is None or not self.content_size.width:
            return
        if self.mode == "figure" or self._jpeg is None:
            self.remove_children()
            size = self.content_size
            self._cells, self._strips = figure(self._result, size.width, size.height), []
            self.refresh()
            return
        self.run_worker(self._render_jpeg(self._jpeg), exclusive=True, group="picture", exit_on_error=False)

    async def _render_jpeg(self, jpeg: bytes) -> None:
        size = self.content_size
        try:
            if self.mode in {"kitty", "sixel"}:
                image = await asyncio.to_thread(open_picture, jpeg)
                await self.remove_children()
                self._cells, self._strips = (), []
                await self.mount(terminal_pictures.widget(self.mode, image))
                return
            drawn = await asyncio.to_thread(blocks, jpeg, size.width, size.height)
        except UnreadableError as error:
            self.say(str(error))
            return
        await self.remove_children()
        self._strips = [_strip(row, size.width, drawn.columns, self.rich_style) for row in drawn.rows]
        self.refresh()


def _strip(row: Sequence[Block], width: int, used: int, base: Style) -> Strip:
    left = (width - used) // 2
    segments = [Segment(" " * left, base)]
    segments += [
        Segment(cell.glyph, Style(color=Color.from_rgb(*cell.ink), bgcolor=Color.from_rgb(*cell.ground)))
        for cell in row
    ]
    segments.append(Segment(" " * (width - left - used), base))
    return Strip(segments, width)
