"""Shared by all keys that act: permission, the last question, sending, reporting.

What is acted on is a name or id, looked up in the store when it is sent: rows may have moved meanwhile. A viewer's keys
are dimmed here, and refused by the master whatever is shown here.
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final, Protocol, cast

import msgspec
from textual.screen import Screen

from posture_console.core.facts import Fact
from posture_console.core.leads import camera_of
from posture_console.core.orders import Done, Held, Order, can_be_undone, held, holding_after
from posture_console.core.reading import Reading
from posture_console.core.rows.nodes import NodeLine
from posture_console.core.sanitise import one_line
from posture_console.core.spans import Tone, word
from posture_console.links.session import Answer
from posture_console.links.source import Source
from posture_console.screens.confirm import ConfirmScreen
from posture_console.screens.form import FormScreen

Gone = Callable[[], str | None]
"""Why the thing cannot be acted on any more, asked of the store; None while it can."""
COMMAND_S: Final = 5.0


def _there() -> str | None:
    return None


Obeyed = tuple[Order, Any]
"""An order and the body of the master's answer to it."""


class Commanding(Protocol):
    """An app that can have the master do something."""

    last_act: tuple[Done, ...]
    """What was done last and can be taken back: by one act, for all that it was about."""

    @property
    def link(self) -> Source:
        """The way to the site that is shown; another one once the operator goes to another site."""

    def reading(self) -> Reading:
        """What is known now."""

    async def ask(self, what: str, *, timeout_s: float = COMMAND_S, **args: Any) -> Answer:
        """The master's answer to a question; a failure is an answer too."""

    async def command(self, verb: str, args: dict[str, Any], *, timeout_s: float = COMMAND_S) -> Answer:
        """The master's answer to a command; a failure is an answer too."""

    def notify(self, message: str, *, severity: Any = "information", markup: bool = True) -> None:
        """Tell the operator."""


class CommandingScreen(Screen[None]):
    """What the keys that act have in common."""

    ACTS: ClassVar[frozenset[str]] = frozenset()
    """The actions of this class that need the role operator."""

    @property
    def _commanding(self) -> Commanding:
        return cast("Commanding", self.app)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dim what this console's role may not do."""
        if not any(action in getattr(kind, "ACTS", ()) for kind in type(self).__mro__):
            return super().check_action(action, parameters)
        return None if self._commanding.reading().forbidden else True

    def record(self) -> Any:
        """The record that the cursor stands on, or that this view is about."""
        from posture_console.widgets.live_table import LiveTable  # noqa: PLC0415 - not for screens without tables

        return self.focused.record if isinstance(self.focused, LiveTable) else None

    def meant_node(self) -> str | None:
        """The node that the cursor stands on, None where it stands on none."""
        record = self.record()
        return record.node if isinstance(record, NodeLine) else None

    def marked(self) -> list[Any]:
        """The records that are marked in the table under the cursor."""
        from posture_console.widgets.live_table import LiveTable  # noqa: PLC0415 - not for screens without tables

        return self.focused.listing.marked if isinstance(self.focused, LiveTable) else []

    def marked_cameras(self) -> list[str]:
        """The cameras that are marked, each once."""
        return list(dict.fromkeys(name for record in self.marked() if (name := camera_of(record)) is not None))

    async def asked(self, form: FormScreen) -> dict[str, str] | None:
        """The values of a form that is filled in, None where it was left."""
        return await self.app.push_screen_wait(form)

    async def confirmed(self, title: str, verb: str, facts: Callable[[], Sequence[Fact]], gone: Gone = _there) -> bool:
        """Whether the operator says yes and the thing is still there then."""

        def shown() -> list[Fact]:
            why = gone()
            return [*facts(), *([("mind", word(why, Tone.WARN))] if why else [])]

        if await self.app.push_screen_wait(ConfirmScreen(title, verb, shown)) is not True:
            return False
        why = gone()
        if why is not None:
            self.tell(f"not done: {why}", "warning")
        return why is None

    def key_of(self, action: str) -> str:
        """The key of an action as it is here, after remapping."""
        found = (active.binding for active in self.active_bindings.values() if active.binding.action == action)
        binding = next(found, None)
        return action if binding is None else self.app.get_key_display(binding)

    def have_done(
        self, verb: str, args: dict[str, Any], told: Callable[[Any], str], *, timeout_s: float = COMMAND_S
    ) -> None:
        """Have one thing done; see `have_all_done`."""
        self.have_all_done([Order("", verb, args)], lambda obeyed: told(obeyed[0][1]), timeout_s=timeout_s)

    def have_all_done(
        self,
        orders: Sequence[Order],
        told: Callable[[list[Obeyed]], str],
        *,
        timeout_s: float = COMMAND_S,
        undo: str = "takes it back",
    ) -> None:
        """Have it done by the app: what became of it is told even if this view was left meanwhile.

        The orders go out one after the other, all to the site that was shown when they were given. `told` says in one
        sentence what was obeyed, refusals are told by name. What has a way back is remembered for the key that undoes;
        `undo` says what that will do.
        """
        self.app.run_worker(self._done(self._commanding.link, orders, told, timeout_s, undo), group="acting")

    async def _done(
        self, site: Source, orders: Sequence[Order], told: Callable[[list[Obeyed]], str], timeout_s: float, undo: str
    ) -> None:
        store = site.store
        before = [held(order, store) if can_be_undone(order) else None for order in orders]
        obeyed: list[Obeyed] = []
        ways_back: list[tuple[Obeyed, Held | None]] = []
        refused: dict[str, list[str]] = {}
        for order, was in zip(orders, before, strict=True):
            answer = await site.command(order.verb, order.args, timeout_s=timeout_s)
            if not answer.reply.ok:
                refused.setdefault(answer.reply.error, []).append(order.about)
                continue
            obeyed.append((order, answer.reply.body))
            if can_be_undone(order):
                ways_back.append((obeyed[-1], was))
        for error, names in refused.items():
            self.tell(error if len(orders) == 1 else f"not done for {', '.join(names)}: {error}", "error")
        if obeyed:
            # What was done at a site that was left since cannot be undone from where one is now.
            self._tell_done(obeyed, ways_back, told, undo if self._commanding.link is site else "")

    def _tell_done(
        self,
        obeyed: list[Obeyed],
        ways_back: list[tuple[Obeyed, Held | None]],
        told: Callable[[list[Obeyed]], str],
        undo: str,
    ) -> None:
        try:
            done = tuple(Done(order, was, holding_after(order, body)) for (order, body), was in ways_back)
            text = told(obeyed)
        except (msgspec.ValidationError, KeyError, TypeError) as error:
            self.tell(f"done, but the master's answer makes no sense: {error}", "warning")
            return
        if done and undo:
            self._commanding.last_act = done
            text += f"  ·  {self.key_of('undo')} {undo}"
        self.tell(text, "information")

    def tell(self, text: str, severity: str) -> None:
        """Say something to the operator, wherever they are now."""
        self._commanding.notify(one_line(text), severity=severity, markup=False)
