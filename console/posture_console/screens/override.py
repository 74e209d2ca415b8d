"""The form of an override: scope, target, how long, why; below it what holds now and what the policy would do."""

from collections.abc import Callable
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, OptionList, Select
from textual.widgets.option_list import Option

from posture_console.core.facts import Fact, fact_lines
from posture_console.core.moments import parse_span
from posture_console.core.overriding import (
    Asked,
    override_of,
    placed_words,
    policy_words,
    scope_words,
    standing_words,
    targets,
)
from posture_console.core.reading import Reading
from posture_console.core.sanitise import clip, one_line
from posture_console.core.spans import Tone, word
from posture_console.screens.confirm import RENEW_S
from posture_console.widgets.cell_lines import CellLines

CLEAR: Final = "clear"
_LONGEST: Final = 60
_WIDTH: Final = 68
_NEVER: Final = "never"


class OverrideScreen(ModalScreen[Asked | str | None]):
    """Returns what is asked for, the scope (text) whose override is to be cleared, or None.

    Args:
        scope: the camera that was under the cursor, else `all`.
        target: the node that was under the cursor, as a target.
        reading: what is known now.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Cancel", key_display="esc"),
    ]
    AUTO_FOCUS = "#targets"

    def __init__(self, scope: str, target: str | None, reading: Callable[[], Reading]) -> None:
        super().__init__()
        self._scope, self._wanted, self._read = scope, target, reading
        self._targets = [target for target, _ in targets(reading().store)]

    def compose(self) -> ComposeResult:
        """The fields, what holds, two buttons."""
        scopes = ["all", *([self._scope] if self._scope != "all" else [])]
        with Vertical(classes="dialog"):
            with Horizontal(classes="field"):
                yield Label("cameras")
                named = [(Content(clip(one_line(scope_words(scope)), _LONGEST)), scope) for scope in scopes]
                yield Select(named, value=self._scope, allow_blank=False, compact=True, id="scope")
            with Horizontal(classes="field targets"):
                yield Label("to")
                yield OptionList(*self._options(), id="targets", compact=True)
            with Horizontal(classes="field"):
                yield Label("for")
                yield Input("30m", id="lasting", placeholder="30m, 2h, 1d or never", compact=True)
            with Horizontal(classes="field"):
                yield Label("reason")
                yield Input(id="reason", placeholder="why: the next operator reads this", max_length=500, compact=True)
            yield CellLines(id="override-facts")
            yield Label(id="complaint")
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Review", id="review", variant="primary", compact=True)

    def on_mount(self) -> None:
        """Put the cursor on what was meant, fill in, and keep it true."""
        self.query_one(".dialog").border_title = "Override placement"
        at = self._targets.index(self._wanted) if self._wanted in self._targets else 0
        self.query_one("#targets", OptionList).highlighted = at
        self._renew()
        self.set_interval(RENEW_S, self._renew)

    def _options(self) -> list[Option]:
        texts = [text for _, text in targets(self._read().store)]
        options = [Option(Content(clip(text, _LONGEST))) for text in texts]
        if override_of(self._scope, self._read().store) is not None:
            self._targets.append(CLEAR)
            options.append(Option(Content("nowhere: clear the override, the policy decides")))
        return options

    @property
    def _chosen_scope(self) -> str:
        return str(self.query_one("#scope", Select).value)

    def _renew(self) -> None:
        reading, scope = self._read(), self._chosen_scope
        facts: list[Fact] = [
            ("now", word(placed_words(scope, reading.store))),
            ("override", word(standing_words(scope, reading.store, reading.moment.now))),
            ("alone", word(policy_words(reading.store), Tone.DIM)),
        ]
        lines = fact_lines(facts, _WIDTH)
        shown = self.query_one("#override-facts", CellLines)
        shown.styles.height = len(lines)
        shown.show(lines)

    @on(OptionList.OptionSelected)
    def _target_chosen(self) -> None:
        self.query_one("#reason").focus()

    @on(Input.Submitted, "#lasting")
    def _lasting_given(self) -> None:
        self.query_one("#reason").focus()

    @on(Input.Submitted, "#reason")
    @on(Button.Pressed, "#review")
    def _review(self) -> None:
        at = self.query_one("#targets", OptionList).highlighted
        target = self._targets[at or 0]
        if target == CLEAR:
            self.dismiss(self._chosen_scope)
            return
        reason = self.query_one("#reason", Input).value.strip()
        lasting = self.query_one("#lasting", Input).value.strip().lower()
        try:
            for_s = None if lasting == _NEVER else parse_span(lasting)
        except ValueError as error:
            self._complain(f"{error}, nor 'never'", "#lasting")
            return
        if not reason:
            self._complain("a reason is needed: the audit and the next operator read it", "#reason")
            return
        self.dismiss(Asked(scope=self._chosen_scope, target=target, reason=reason, for_s=for_s))

    def _complain(self, text: str, where: str) -> None:
        self.query_one("#complaint", Label).update(Content(text))
        self.query_one(where).focus()

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(None)
