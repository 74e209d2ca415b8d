"""Acting on placement from a view: override, and undo. Asks, sends, tells what became of it.

What is acted on is a name, looked up in the store when it is sent: rows may have moved meanwhile. A viewer's keys are
dimmed here, and refused by the master whatever is shown here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, cast

import msgspec
from textual import work
from textual.binding import Binding, BindingType
from textual.screen import Screen

from posture_console.core.facts import Fact
from posture_console.core.overriding import (
    Asked,
    doubts,
    effect_words,
    override_of,
    placed_words,
    policy_words,
    scope_words,
    standing_words,
    target_words,
)
from posture_console.core.reading import Reading
from posture_console.core.rows.cameras import CameraLine
from posture_console.core.rows.nodes import NodeLine
from posture_console.core.sanitise import one_line
from posture_console.core.spans import Tone, word
from posture_console.links.session import Answer
from posture_console.screens.confirm import ConfirmScreen
from posture_console.screens.override import OverrideScreen
from posture_console.widgets.live_table import LiveTable
from posture_shared.records import Override, Result

_ACTS = frozenset({"override", "undo"})


@dataclass(frozen=True, slots=True)
class Done:
    """The last override that was set or cleared here: what held before, and what holds by our word."""

    scope: str
    before: Override | None
    after: Override | None


class Commanding(Protocol):
    """An app that can have the master do something."""

    last_act: Done | None

    def reading(self) -> Reading:
        """What is known now."""

    async def command(self, verb: str, args: dict[str, Any]) -> Answer:
        """The master's answer; a failure is an answer too."""

    def notify(self, message: str, *, severity: Any = "information", markup: bool = True) -> None:
        """Tell the operator."""


class Acting(Screen[None]):
    """The keys that act on placement."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "override", "Override", id="override", tooltip="Say where frames are analysed: camera or all"),
        Binding("u", "undo", "Undo", id="undo", show=False, tooltip="Take back the override just set or cleared"),
    ]

    @property
    def _commanding(self) -> Commanding:
        return cast("Commanding", self.app)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dim what this console's role may not do."""
        if action not in _ACTS:
            return super().check_action(action, parameters)
        return True if self._commanding.reading().connection.role in {None, "operator"} else None

    def meant(self) -> tuple[str, str | None]:
        """The scope, and the target, that the cursor stands on: a camera's name or `all`, a node or nothing."""
        record = self.focused.record if isinstance(self.focused, LiveTable) else None
        match record:
            case CameraLine(camera=camera):
                return camera.pi_id, None
            case Result(pi_id=pi_id):
                return pi_id, None
            case NodeLine(node=node):
                return "all", "local" if self._is_home(node) else f"node:{node}"
            case _:
                return "all", None

    def _is_home(self, node: str) -> bool:
        master = self._commanding.reading().store.master
        return master is not None and master.node == node

    @work(exclusive=True, group="acting")
    async def action_override(self) -> None:
        """Ask for an override, show what it will do, set it."""
        scope, target = self.meant()
        asked = await self.app.push_screen_wait(OverrideScreen(scope, target, self._commanding.reading))
        if asked is None:
            return
        if isinstance(asked, str):
            if await self._confirmed("Clear the override", "Clear", lambda: self._clear_facts(asked)):
                self._send("override_clear", {"scope": asked}, asked)
        elif await self._confirmed("Override placement", "Override", lambda: self._set_facts(asked)):
            self._send("override_set", asked.args(), asked.scope)

    def action_undo(self) -> None:
        """Put back what held before the last act, unless someone else has acted since."""
        act, reading = self._commanding.last_act, self._commanding.reading()
        if act is None:
            self._tell("nothing to undo: no override was set or cleared from here", "warning")
            return
        # The master's event may still be on its way: then the store holds what was before.
        if override_of(act.scope, reading.store) not in {act.after, act.before}:
            self._tell(f"not undone: the override of {scope_words(act.scope)} has changed since", "warning")
            return
        before = act.before
        if before is None or (before.until is not None and before.until <= reading.moment.now):
            self._send("override_clear", {"scope": act.scope}, act.scope)
            return
        left_s = None if before.until is None else (before.until - reading.moment.now).total_seconds()
        again = Asked(scope=before.scope, target=before.target, reason=before.reason, for_s=left_s)
        self._send("override_set", again.args(), act.scope)

    async def _confirmed(self, title: str, verb: str, facts: Callable[[], list[Fact]]) -> bool:
        answer = await self.app.push_screen_wait(ConfirmScreen(title, verb, facts))
        return answer is True

    def _set_facts(self, asked: Asked) -> list[Fact]:
        store = self._commanding.reading().store
        facts: list[Fact] = [*self._standing(asked.scope), ("then", word(effect_words(asked, store), Tone.STRONG))]
        facts.append(("reason", word(asked.reason)))
        facts.append(("alone", word(policy_words(store), Tone.DIM)))
        return facts + [("mind", word(doubt, Tone.WARN)) for doubt in doubts(asked.scope, asked.target, store)]

    def _clear_facts(self, scope: str) -> list[Fact]:
        store = self._commanding.reading().store
        return [*self._standing(scope), ("then", word(policy_words(store), Tone.STRONG))]

    def _standing(self, scope: str) -> list[Fact]:
        reading = self._commanding.reading()
        return [
            ("cameras", word(scope_words(scope), Tone.STRONG)),
            ("now", word(placed_words(scope, reading.store))),
            ("override", word(standing_words(scope, reading.store, reading.moment.now))),
        ]

    def _send(self, verb: str, args: dict[str, Any], scope: str) -> None:
        """Have it done by the app: what became of it is told even if this view was left meanwhile."""
        self.app.run_worker(self._sent(verb, args, scope), group="acting")

    async def _sent(self, verb: str, args: dict[str, Any], scope: str) -> None:
        """Have it done, and remember how to take it back."""
        commanding = self._commanding
        before = override_of(scope, commanding.reading().store)
        answer = await commanding.command(verb, args)
        if not answer.reply.ok:
            self._tell(answer.reply.error, "error")
            return
        try:
            override = msgspec.convert(answer.reply.body, Override)
        except msgspec.ValidationError as error:
            self._tell(f"done, but the master's answer makes no sense: {error}", "warning")
            return
        cleared = verb == "override_clear"
        commanding.last_act = Done(scope, before, None if cleared else override)
        where = target_words(override.target, commanding.reading().store)
        did = "cleared: " if cleared else ""
        self._tell(f"{did}{scope_words(override.scope)} to {where}  ·  u takes it back", "information")

    def _tell(self, text: str, severity: str) -> None:
        self._commanding.notify(one_line(text), severity=severity, markup=False)
