"""Texts that strangers may send, and a site that has them in every field."""

import itertools
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from posture_shared.records import Override, Silence, Site
from posture_shared.timeline import Episode, Pause, PostureBaseline
from support.scene import Scene

V = TypeVar("V")
NAMES = (
    "[/foo]",
    "[cam1]",
    "[bold red]x[/]",
    "x" * 5000,
    "作業台の左側のカメラ" * 20,
    "מצלמה שמאלית",
    "\u202egnp.exe\u2066",
    "\x1b[31mred\x1b[0m\x07\r\n\t\x00",
    "\x9b31m\x85\x7f\u2028",
    "z̵̡̛͚̹a̶͕͝l̶̰͘g̷̠̈o̶̪͐" * 10,
    "👩‍👩‍👧‍👦🏳️‍🌈",
    "\ud7ff\ue000\ufeff\u200b",
    "$(reboot) `id` %s {0} @click=app.quit",
    "",
)


def scene_with_everything() -> Scene:
    """A site in which every kind of record occurs and every field that can be told is."""
    scene = Scene(cameras=2, nodes=2)
    scene.warm(60)
    at, name = scene.at, scene.camera_names[0]
    said: Any = {"since": at, "reason": "x", "author": "x"}
    scene.overrides = [Override(scope="all", target="x", until=None, **said)]
    scene.pauses[name] = Pause(until=at + timedelta(hours=1), **said)
    scene.baselines[name] = PostureBaseline(
        baseline_id="x", pi_id=name, profile="x", version=1, neck=11.5, body=-3.0, at=at, author="x"
    )
    scene.episodes = [Episode(episode_id="x", pi_id=name, started=at, reason="x")]
    quiet = Silence(until=at + timedelta(hours=1), **said)
    scene.alarms += [
        msgspec.structs.replace(scene.alarms[0], alarm_id="a2", silence=quiet),
        msgspec.structs.replace(scene.alarms[0], alarm_id="a3", ended=at),
    ]
    return scene


def everywhere(*names: str, beyond: bool = False) -> Site:
    """A site with these as every free text, in turn: names, reasons, details, keys. `beyond`: see `hostile`."""
    return hostile(scene_with_everything().site("epoch", 1), *names, beyond=beyond)


def hostile(value: V, *names: str, beyond: bool = False) -> V:
    """`value` with these as every text that a message may carry, also as the keys of what it maps.

    What is one of a few words (a status, a state) stays, for no message with another one can be decoded; `beyond`
    replaces that too, as what is not decoded but made here.
    """
    replaced: V = _with(value, itertools.cycle(names), beyond=beyond)
    return replaced


def _with(value: Any, turn: Iterator[str], *, beyond: bool) -> Any:
    if isinstance(value, msgspec.Struct):
        return _struct(value, turn, beyond=beyond)
    if isinstance(value, dict):
        return {next(turn): _with(part, turn, beyond=beyond) for part in value.values()}
    if isinstance(value, list):
        return [_with(part, turn, beyond=beyond) for part in value]
    return next(turn) if isinstance(value, str) else value


def _struct(value: Any, turn: Iterator[str], *, beyond: bool) -> Any:
    hints = get_type_hints(type(value))
    given = {
        name: _with(getattr(value, name), turn, beyond=beyond)
        for name in value.__struct_fields__
        if beyond or not _is_closed(hints[name])
    }
    return msgspec.structs.replace(value, **given)


def _is_closed(hint: Any) -> bool:
    """Whether a field is one of a few words, or none."""
    return get_origin(hint) is Literal or any(get_origin(part) is Literal for part in get_args(hint))
