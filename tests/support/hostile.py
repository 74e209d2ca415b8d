"""Texts that strangers may send, and a site that has them in every field."""

import itertools
from collections.abc import Iterator
from typing import Any

import msgspec

from posture_shared.records import Override, Site
from support.scene import Scene

NAMES = (
    "[/foo]",
    "[cam1]",
    "[bold red]x[/]",
    "x" * 5000,
    "作業台の左側のカメラ" * 20,
    "מצלמה שמאלית",
    "\u202egnp.exe\u2066",
    "\x1b[31mred\x1b[0m\x07\r\n\t\x00",
    "z̵̡̛͚̹a̶͕͝l̶̰͘g̷̠̈o̶̪͐" * 10,
    "👩‍👩‍👧‍👦🏳️‍🌈",
    "\ud7ff\ue000\ufeff\u200b",
    "$(reboot) `id` %s {0} @click=app.quit",
    "",
)


def everywhere(*names: str) -> Site:
    """A site with these as every free text, in turn: names, reasons, details, keys."""
    turn = itertools.cycle(names)
    scene = Scene(cameras=2, nodes=2)
    scene.warm(60)
    site = scene.site("epoch", 1)
    built: Any = msgspec.to_builtins(site)
    override = Override(scope="all", target=next(turn), reason=next(turn), author=next(turn), since=site.at, until=None)
    built["overrides"] = [msgspec.to_builtins(override)]
    return msgspec.convert(_with(built, turn), Site)


_KEPT = {"posture_status", "last_status", "placement", "state", "severity", "side", "epoch", "capture"}


def _with(value: Any, turn: Iterator[str], field: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _with(part, turn, key) for key, part in value.items()}
    if isinstance(value, list):
        return [_with(part, turn, field) for part in value]
    if isinstance(value, str) and field not in _KEPT and not _is_time(value):
        return next(turn)
    return value


def _is_time(value: str) -> bool:
    return len(value) > 18 and value[4] == "-" and value[10] == "T"
