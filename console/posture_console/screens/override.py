"""The form of an override: scope, target, how long, why; below it what holds now and what the policy would do."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, Label, OptionList, Select
from textual.widgets.option_list import Option

from posture_console.core.moments import parse_span
from posture_console.core.overriding import (
    Wish,
    override_of,
    placed_words,
    policy_words,
    scopes_words,
    standing_words,
    targets,
)
from posture_console.core.reading import Reading
from posture_console.core.sanitise import clip, one_line
from posture_console.core.spans import Tone, word
from posture_console.screens.confirm import RENEW_S
from posture_console.screens.dialog import Dialog
from posture_console.widgets.dialog_facts import DialogFacts
from posture_shared.placement.state import ALL

if TYPE_CHECKING:
    from posture_console.core.facts import Fact

_LONGEST: Final = 60
_FIELDS: Final = 4
"""Lines of the fields beside the targets, one for a complaint that wraps."""
_TARGETS: Final = 8
"""Targets that are seen at once."""
_NEVER: Final = "never"


class OverrideScreen(Dialog[Wish | None]):
    """Returns what is asked for, or None.

    Args:
        scope: the camera that was under the cursor, else `all`.
        marked: the cameras that were marked; they come first.
        target: the node that was under the cursor, as a target.
        reading: what is known now.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Cancel", key_display="esc"),
    ]
    AUTO_FOCUS = "#targets"

    def __init__(self, scope: str, marked: Sequence[str], target: str | None, reading: Callable[[], Reading]) -> None:
        super().__init__()
        self._wanted, self._read = target, reading
        choices = [*([tuple(marked)] if marked else []), (scope,), (ALL,)]
        self._scopes: list[tuple[str, ...]] = list(dict.fromkeys(choices))
        self._targets: list[str | None] = []

    def compose(self) -> ComposeResult:
        """The fields, what holds, two buttons."""
        with Vertical(classes="dialog"):
            with Horizontal(classes="field"):
                yield Label("cameras")
                words = [Content(clip(one_line(scopes_words(scopes)), _LONGEST)) for scopes in self._scopes]
                named = [(text, at) for at, text in enumerate(words)]
                yield Select(named, value=0, allow_blank=False, compact=True, id="scope")
            with Horizontal(classes="field targets"):
                yield Label("to")
                yield OptionList(id="targets", compact=True)
            with Horizontal(classes="field"):
                yield Label("for")
                yield Input("30m", id="lasting", placeholder="30m, 2h, 1d or never", compact=True)
            with Horizontal(classes="field"):
                yield Label("reason")
                yield Input(id="reason", placeholder="why: the next operator reads this", max_length=500, compact=True)
            yield DialogFacts(id="override-facts")
            yield Label(id="complaint")
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Review", id="review", variant="primary", compact=True)

    def on_mount(self) -> None:
        """Put the cursor on what was meant, fill in, and keep it true."""
        self.query_one(".dialog").border_title = "Override placement"
        self._offer()
        if self._wanted in self._targets:
            self.query_one("#targets", OptionList).highlighted = self._targets.index(self._wanted)
        self._renew()
        self.set_interval(RENEW_S, self._renew)

    @property
    def chosen(self) -> tuple[str, ...]:
        """The cameras that are meant: names, or `all`."""
        return self._scopes[int(str(self.query_one("#scope", Select).value))]

    def _offer(self) -> None:
        """The targets; to clear is one where there is something to clear."""
        store, options = self._read().store, self.query_one("#targets", OptionList)
        at = options.highlighted or 0
        named: list[tuple[str | None, str]] = [*targets(store)]
        if any(override_of(scope, store) is not None for scope in self.chosen):
            named.append((None, "nowhere: clear the override, the policy decides"))
        self._targets = [target for target, _ in named]
        options.set_options(Option(Content(clip(text, _LONGEST))) for _, text in named)
        options.highlighted = min(at, len(named) - 1)
        self.query_one(DialogFacts).beside = _FIELDS + min(_TARGETS, len(named))

    @on(Select.Changed)
    def _scope_chosen(self) -> None:
        self._offer()
        self._renew()

    def _renew(self) -> None:
        reading, scopes = self._read(), self.chosen
        facts: list[Fact] = [
            ("now", word(placed_words(scopes, reading.store))),
            ("override", word(standing_words(scopes, reading.store, reading.moment.now))),
            ("alone", word(policy_words(reading.store), Tone.DIM)),
        ]
        self.query_one("#override-facts", DialogFacts).show_facts(facts)

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
        if target is None:
            self.dismiss(Wish(scopes=self.chosen, target=None))
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
        self.dismiss(Wish(scopes=self.chosen, target=target, reason=reason, for_s=for_s))

    def _complain(self, text: str, where: str) -> None:
        self.query_one("#complaint", Label).update(Content(text))
        self.query_one(where).focus()

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(None)
