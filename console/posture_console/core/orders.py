"""What the master is told to do, and how that is taken back. Pure.

Taken back can be what has a state of its own: an override, a camera's pause, an alarm's silence. To take it back is to
put there again what was there before, as long as nobody else has decided since.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from posture_console.core.overriding import override_of
from posture_console.core.store import SiteStore
from posture_shared.placement.state import ALL
from posture_shared.records import Alarm, Override, Silence
from posture_shared.timeline import Pause

Held = Override | Pause | Silence
"""An operator's word that holds until it ends or is taken back."""
_ENDING: Final = frozenset({"override_clear", "camera_resume"})
_WORDS: Final = {"override": "override", "camera": "pause", "alarm": "silence"}
_UNDONE: Final = "taken back from the console"


@dataclass(frozen=True, slots=True)
class Order:
    """One command; `about` names what it acts on."""

    about: str
    verb: str
    args: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Done:
    """An order that was obeyed: what held before, and what holds by our word."""

    order: Order
    before: Held | None
    after: Held | None

    def is_untouched(self, store: SiteStore) -> bool:
        """Whether nobody has acted since. The master's event may be on its way: then the store holds what was."""
        return held(self.order, store) in (self.after, self.before)

    def has_ended(self, now: datetime) -> bool:
        """Whether it held for a time that is over."""
        return self.after is not None and self.after.until is not None and self.after.until <= now

    def back(self, now: datetime) -> Order:
        """What takes it back: a time that was left then is shorter now."""
        kind, before = _kind(self.order), self.before
        left_s = None if before is None or before.until is None else (before.until - now).total_seconds()
        again = None if left_s is not None and left_s <= 0 else before
        match kind:
            case "override":
                scope = self.order.args["scope"]
                if not isinstance(again, Override):
                    return Order(self.order.about, "override_clear", {"scope": scope})
                said = {"target": again.target, "reason": again.reason, "for_s": left_s}
                return Order(self.order.about, "override_set", {"scope": scope, **said})
            case "camera":
                camera = self.order.args["camera"]
                if again is None:
                    return Order(self.order.about, "camera_resume", {"camera": camera, "reason": _UNDONE})
                return Order(
                    self.order.about, "camera_pause", {"camera": camera, "reason": again.reason, "for_s": left_s}
                )
        said = {"for_s": 0.0, "reason": ""} if again is None else {"for_s": left_s, "reason": again.reason}
        return Order(self.order.about, "alarm_silence", {"id": self.order.args["id"], **said})


def changes_words(done: Sequence[Done]) -> str:
    """What was changed: `the pause of pi1, pi3`."""
    by_kind: dict[str, list[str]] = {}
    for one in done:
        about = one.order.about
        by_kind.setdefault(_WORDS[_kind(one.order)], []).append("all cameras" if about == ALL else about)
    return "; ".join(f"the {kind} of {', '.join(names)}" for kind, names in by_kind.items())


def can_be_undone(order: Order) -> bool:
    """Whether there is a way back from it."""
    return order.verb in {"override_set", "override_clear", "camera_pause", "camera_resume", "alarm_silence"}


def held(order: Order, store: SiteStore) -> Held | None:
    """What holds now where an order acts."""
    match _kind(order):
        case "override":
            return override_of(order.args["scope"], store)
        case "camera":
            camera = store.cameras.get(order.args["camera"])
            return None if camera is None else camera.pause
        case _:
            alarm = store.alarms.get(order.args["id"])
            return None if alarm is None else alarm.silence


def holding_after(order: Order, body: Any) -> Held | None:
    """What holds by the master's answer to an order.

    Raises:
        msgspec.ValidationError: the answer makes no sense.
    """
    if order.verb in _ENDING:
        return None
    match _kind(order):
        case "override":
            return msgspec.convert(body, Override)
        case "camera":
            return msgspec.convert(body, Pause)
        case _:
            return msgspec.convert(body, Alarm).silence


def _kind(order: Order) -> str:
    return order.verb.partition("_")[0]
