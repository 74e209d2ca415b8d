"""Keys of one's own: the setting `keymap` against what can be remapped and what else a key does at the same time."""

import string
from collections.abc import Iterator, Mapping
from typing import Any, Final

from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import Keys, _character_to_key

from posture_console.replay_keys import REPLAY_KEYS
from posture_console.screens.view import View
from posture_console.widgets.live_table import LiveTable
from posture_shared.exits import Exit, Stop

_MODIFIERS: Final = frozenset({"ctrl", "shift", "alt", "super"})
_NAMED: Final = frozenset(
    {key.value for key in Keys} | {_character_to_key(one) for one in string.printable if one.isprintable()}
)


def checked(keymap: Mapping[str, str], app: type[App[Any]]) -> dict[str, str]:
    """`keymap` as Textual takes it: action to keys, by their long names.

    Raises:
        Stop: an action or key is unknown, or a key would mean two things where both can be pressed.
    """
    taken = {action: ",".join(_keys(action, text)) for action, text in keymap.items()}
    chains = [
        *(list(_bindings(LiveTable, view, app)) for view in _views()),
        [*Binding.make_bindings(REPLAY_KEYS), *_bindings(app)],
    ]
    known = {binding.id for chain in chains for binding in chain if binding.id}
    for action in taken:
        if action not in known:
            there = ", ".join(sorted(known))
            raise Stop(f"setting 'keymap.{action}' names no action; there are {there}", Exit.USAGE)
    for chain in chains:
        _check_collisions(taken, chain)
    return taken


def _keys(action: str, text: str) -> Iterator[str]:
    for part in text.split(","):
        *modifiers, key = part.strip().split("+") if part.strip() not in {"", "+"} else [part.strip()]
        name = _character_to_key(key) if len(key) == 1 else key
        if name not in _NAMED or not set(modifiers) <= _MODIFIERS:
            allowed = "write it as x, X, f5, ctrl+x, space or question_mark, several with commas between"
            raise Stop(f"setting 'keymap.{action}': '{part.strip()}' is no key; {allowed}", Exit.USAGE)
        yield "+".join([*modifiers, name])


def _check_collisions(keymap: Mapping[str, str], bindings: list[Binding]) -> None:
    """What was remapped must not meet anything else that works on the same view."""
    by_key: dict[str, Binding] = {}
    for binding in _remapped(keymap, bindings):
        other = by_key.setdefault(binding.key, binding)
        if other.action == binding.action:
            continue
        moved = next((one.id for one in (binding, other) if one.id in keymap), None)
        if moved is not None:
            rest = other if binding.id == moved else binding
            meaning = rest.id or rest.description.lower() or rest.action
            raise Stop(f"setting 'keymap.{moved}': the key '{binding.key}' is taken by '{meaning}'", Exit.USAGE)


def _remapped(keymap: Mapping[str, str], bindings: list[Binding]) -> Iterator[Binding]:
    for binding in bindings:
        keys = keymap.get(binding.id or "")
        yield from [binding] if keys is None else [binding.with_key(key) for key in keys.split(",")]


def _views() -> Iterator[type[View]]:
    """Every kind of view."""
    waiting = [View]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        yield kind


def _bindings(*chain: type[DOMNode]) -> Iterator[Binding]:
    """Everything that these answer to, one binding for each key."""
    for top in chain:
        for kind in top.__mro__:
            if issubclass(kind, DOMNode) and "BINDINGS" in vars(kind):
                yield from Binding.make_bindings(vars(kind)["BINDINGS"])
