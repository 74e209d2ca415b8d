"""A form: fields, what holds now below them, a complaint where something is missing. Enter leads on, then to review.

Names in it come from other machines: they are shown as text, never as markup, and what is returned is the name itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Label, Select

from posture_console.core.facts import Fact
from posture_console.core.sanitise import clip, one_line
from posture_console.screens.confirm import RENEW_S
from posture_console.screens.dialog import Dialog
from posture_console.widgets.dialog_facts import DialogFacts

_LONGEST: Final = 58

Values = Mapping[str, str]
Complaint = tuple[str, str]
"""The field, and what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field. With `choices` (value, text) one of them is chosen, else a text is typed, `most` characters long."""

    name: str
    label: str
    value: str = ""
    hint: str = ""
    choices: Sequence[tuple[str, str]] = ()
    most: int = 500


class FormScreen(Dialog[dict[str, str] | None]):
    """Returns the values by field, or None.

    Args:
        title: the act, in words of our own.
        fields: in order; the first one that wants to be typed has the cursor.
        facts: what holds now, for these values; asked for again twice a second.
        check: what is wrong with these values; None where nothing is.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Cancel", key_display="esc"),
    ]

    def __init__(
        self,
        title: str,
        fields: Sequence[Field],
        *,
        facts: Callable[[Values], Sequence[Fact]],
        check: Callable[[Values], Complaint | None],
    ) -> None:
        super().__init__()
        self._title, self._fields, self._facts, self._check = title, fields, facts, check
        self._touched = False

    def compose(self) -> ComposeResult:
        """The fields, what holds, two buttons."""
        with Vertical(classes="dialog"):
            for field in self._fields:
                with Horizontal(classes="field"):
                    yield Label(field.label)
                    yield _widget(field)
            yield DialogFacts(id="form-facts", beside=len(self._fields) + 1)
            yield Label(id="complaint")
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Review", id="review", variant="primary", compact=True)

    def on_mount(self) -> None:
        """Fill in, and keep it true."""
        self.query_one(".dialog").border_title = self._title
        self._renew()
        self.set_interval(RENEW_S, self._renew)
        typed = [field for field in self._fields if not field.choices]
        first = next((field for field in typed if not field.value), (typed or self._fields)[0])
        self._focus(first.name)

    @property
    def values(self) -> dict[str, str]:
        """What the fields hold."""
        return {field.name: self._value(field) for field in self._fields}

    def _value(self, field: Field) -> str:
        if field.choices:
            return str(self.query_one(f"#{field.name}", Select).value)
        return self.query_one(f"#{field.name}", Input).value.strip()

    def _renew(self) -> None:
        self.query_one("#form-facts", DialogFacts).show_facts(self._facts(self.values))

    def _focus(self, name: str) -> None:
        self.query_one(f"#{name}").focus()

    @on(Select.Changed)
    def _chosen(self) -> None:
        self._renew()
        if self._touched and all(field.choices for field in self._fields):
            self._focus("review")

    def on_key(self) -> None:
        """From now on a choice is the operator's."""
        self._touched = True

    @on(Input.Submitted)
    def _next(self, event: Input.Submitted) -> None:
        typed = [field.name for field in self._fields if not field.choices]
        at = typed.index(event.input.id or typed[-1])
        if at + 1 < len(typed):
            self._focus(typed[at + 1])
        else:
            self._review()

    @on(Button.Pressed, "#review")
    def _review(self) -> None:
        values = self.values
        complaint = self._check(values)
        if complaint is None:
            self.dismiss(values)
            return
        self.query_one("#complaint", Label).update(Content(one_line(complaint[1])))
        self._focus(complaint[0])

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(None)


def _widget(field: Field) -> Widget:
    if not field.choices:
        return Input(field.value, id=field.name, placeholder=field.hint, max_length=field.most, compact=True)
    shown = [(Content(clip(one_line(text), _LONGEST)), value) for value, text in field.choices]
    values = [value for value, _ in field.choices]
    chosen = field.value if field.value in values else values[0]
    return Select(shown, value=chosen, allow_blank=False, compact=True, id=field.name)
