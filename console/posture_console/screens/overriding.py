"""Acting on placement from a view: set an override, clear one. Asks, sends, tells what became of it."""

from collections.abc import Sequence
from typing import ClassVar

import msgspec
from textual import work
from textual.binding import Binding, BindingType

from posture_console.core.facts import Fact
from posture_console.core.leads import camera_of
from posture_console.core.orders import Order
from posture_console.core.overriding import (
    Asked,
    Wish,
    doubts,
    effect_words,
    override_of,
    placed_words,
    policy_words,
    scopes_words,
    standing_words,
    target_words,
)
from posture_console.core.spans import Tone, word
from posture_console.screens.commanding import CommandingScreen, Obeyed
from posture_console.screens.override import OverrideScreen
from posture_shared.placement.state import ALL
from posture_shared.records import Override


class Overriding(CommandingScreen):
    """The keys that act on placement."""

    ACTS = frozenset({"override"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "override", "Override", id="override", tooltip="Say where frames are analysed: camera or all"),
    ]

    def meant(self) -> tuple[str, str | None]:
        """The scope, and the target, that the cursor stands on: a camera's name or `all`, a node or nothing."""
        node = self.meant_node()
        if node is not None:
            return ALL, "local" if self._is_home(node) else f"node:{node}"
        return camera_of(self.record()) or ALL, None

    def _is_home(self, node: str) -> bool:
        master = self._commanding.reading().store.master
        return master is not None and master.node == node

    @work(exclusive=True, group="acting")
    async def action_override(self) -> None:
        """Ask for an override of the marked cameras or the one under the cursor, show what it will do, set it."""
        scope, target = self.meant()
        form = OverrideScreen(scope, self.marked_cameras(), target, self._commanding.reading)
        wish = await self.app.push_screen_wait(form)
        if wish is None:
            return
        if wish.target is None:
            await self.clear(wish.scopes)
        elif await self.confirmed("Override placement", "Override", lambda: self._set_facts(wish)):
            self._send([_set_order(scope, wish) for scope in wish.scopes])

    async def clear(self, scopes: Sequence[str]) -> None:
        """Clear those of `scopes` that have an override of their own when the operator says yes."""

        def held() -> list[str]:
            store = self._commanding.reading().store
            return [scope for scope in scopes if override_of(scope, store) is not None]

        if await self.confirmed(
            "Clear the override" if len(scopes) == 1 else f"Clear {len(held())} overrides",
            "Clear",
            lambda: self._clear_facts(held() or scopes),
            lambda: None if held() else "no such override holds any more",
        ):
            self._send([_clear_order(scope) for scope in held()])

    def _set_facts(self, wish: Wish) -> list[Fact]:
        store, target = self._commanding.reading().store, wish.target or ""
        facts: list[Fact] = [
            *self._standing(wish.scopes),
            ("then", word(effect_words(wish.scopes, target, wish.for_s, store), Tone.STRONG)),
            ("reason", word(wish.reason)),
            ("alone", word(policy_words(store), Tone.DIM)),
        ]
        return facts + [("mind", word(doubt, Tone.WARN)) for doubt in doubts(wish.scopes, target, store)]

    def _clear_facts(self, scopes: Sequence[str]) -> list[Fact]:
        store = self._commanding.reading().store
        return [*self._standing(scopes), ("then", word(policy_words(store), Tone.STRONG))]

    def _standing(self, scopes: Sequence[str]) -> list[Fact]:
        reading = self._commanding.reading()
        return [
            ("cameras", word(scopes_words(scopes), Tone.STRONG)),
            ("now", word(placed_words(scopes, reading.store))),
            ("override", word(standing_words(scopes, reading.store, reading.moment.now))),
        ]

    def _send(self, orders: Sequence[Order]) -> None:
        self.have_all_done(orders, self._placed)

    def _placed(self, obeyed: list[Obeyed]) -> str:
        store = self._commanding.reading().store
        words: dict[str, list[str]] = {}
        for order, body in obeyed:
            override, cleared = msgspec.convert(body, Override), order.verb == "override_clear"
            where = target_words(override.target, store)
            words.setdefault(f" {'no longer ' if cleared else ''}to {where}", []).append(override.scope)
        return "; ".join(f"{scopes_words(scopes)}{where}" for where, scopes in words.items())


def _set_order(scope: str, wish: Wish) -> Order:
    asked = Asked(scope=scope, target=wish.target or "", reason=wish.reason, for_s=wish.for_s)
    return Order(scope, "override_set", asked.args())


def _clear_order(scope: str) -> Order:
    return Order(scope, "override_clear", {"scope": scope})
