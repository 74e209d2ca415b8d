"""Acting on placement from a view: override, and undo. Asks, sends, tells what became of it."""

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, cast

import msgspec
from textual import work
from textual.binding import Binding, BindingType

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
from posture_console.core.rows.cameras import CameraLine
from posture_console.core.rows.nodes import NodeLine
from posture_console.core.spans import Tone, word
from posture_console.screens.commanding import CommandingScreen
from posture_console.screens.override import OverrideScreen
from posture_shared.records import Override, Result


@dataclass(frozen=True, slots=True)
class Done:
    """The last override that was set or cleared here: what held before, and what holds by our word."""

    scope: str
    before: Override | None
    after: Override | None


class Remembering(Protocol):
    """An app that remembers what was done last."""

    last_act: Done | None


class Overriding(CommandingScreen):
    """The keys that act on placement."""

    ACTS = frozenset({"override", "undo"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "override", "Override", id="override", tooltip="Say where frames are analysed: camera or all"),
        Binding("u", "undo", "Undo", id="undo", show=False, tooltip="Take back the override just set or cleared"),
    ]

    @property
    def _remembering(self) -> Remembering:
        return cast("Remembering", self.app)

    def meant(self) -> tuple[str, str | None]:
        """The scope, and the target, that the cursor stands on: a camera's name or `all`, a node or nothing."""
        match self.record():
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
            if await self.confirmed("Clear the override", "Clear", lambda: self._clear_facts(asked)):
                self._send("override_clear", {"scope": asked}, asked)
        elif await self.confirmed("Override placement", "Override", lambda: self._set_facts(asked)):
            self._send("override_set", asked.args(), asked.scope)

    def action_undo(self) -> None:
        """Put back what held before the last act, unless someone else has acted since."""
        act, reading = self._remembering.last_act, self._commanding.reading()
        if act is None:
            self.tell("nothing to undo: no override was set or cleared from here", "warning")
            return
        # The master's event may still be on its way: then the store holds what was before.
        if override_of(act.scope, reading.store) not in {act.after, act.before}:
            self.tell(f"not undone: the override of {scope_words(act.scope)} has changed since", "warning")
            return
        before = act.before
        if before is None or (before.until is not None and before.until <= reading.moment.now):
            self._send("override_clear", {"scope": act.scope}, act.scope)
            return
        left_s = None if before.until is None else (before.until - reading.moment.now).total_seconds()
        again = Asked(scope=before.scope, target=before.target, reason=before.reason, for_s=left_s)
        self._send("override_set", again.args(), act.scope)

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
        """Have it done, and remember how to take it back."""
        before = override_of(scope, self._commanding.reading().store)

        def told(body: Any) -> str:
            override = msgspec.convert(body, Override)
            cleared = verb == "override_clear"
            self._remembering.last_act = Done(scope, before, None if cleared else override)
            where = target_words(override.target, self._commanding.reading().store)
            return f"{'cleared: ' if cleared else ''}{scope_words(override.scope)} to {where}  ·  u takes it back"

        self.have_done(verb, args, told)
