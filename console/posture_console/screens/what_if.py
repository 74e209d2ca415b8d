"""What if thresholds had been others? Asked on the screen, reckoned in a thread over the whole recording."""

import asyncio
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from posture_console.core.facts import LABEL, Fact
from posture_console.core.sanitise import width
from posture_console.core.spans import Tone, word
from posture_console.headless.recording import verdict_facts
from posture_console.record.file import read
from posture_console.record.what_if import Verdict, tried
from posture_console.widgets.facts import FactsView
from posture_shared.exits import Stop


class WhatIfScreen(ModalScreen[None]):
    """Rules in, decisions out; stays open for the next try."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Close", key_display="esc")]
    AUTO_FOCUS = "#rules"

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def compose(self) -> ComposeResult:
        """A field over what comes of it."""
        with Vertical(classes="dialog", id="what-if"):
            with Horizontal(classes="field"):
                yield Label("what if")
                yield Input(id="rules", placeholder="high=70 low=55 min_dwell_s=30 policy=spread", compact=True)
            yield FactsView(id="verdict")

    def on_mount(self) -> None:
        """Name the dialog."""
        self.query_one(".dialog").border_title = "What if"

    @on(Input.Submitted, "#rules")
    def _try(self, event: Input.Submitted) -> None:
        self.query_one(FactsView).show_facts([("", word("going through the recording …", Tone.DIM))])
        self.run_worker(self._reckon(event.value.replace(",", " ").split()), exclusive=True)

    async def _reckon(self, changes: list[str]) -> None:
        try:
            verdict = await asyncio.to_thread(_verdict, self._file, changes)
        except Stop as stop:
            self.query_one(FactsView).show_facts([("", word(stop.sentence, Tone.BAD))])
            return
        self.query_one(FactsView).show_facts([_beside(label, text) for label, text in verdict_facts(verdict)])


def _beside(label: str, text: str) -> Fact:
    """A line of a verdict; the time of a decision is too long for a label, and stands in the text."""
    return (label, word(text)) if width(label) <= LABEL else ("", word(f"{label}  {text}"))


def _verdict(file: Path, changes: list[str]) -> Verdict:
    return tried(read(file), changes)
