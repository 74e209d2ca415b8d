"""A program's configuration file with every setting in it, commented out but for those that are given. Pure."""

import json
from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import Any, Final

from posture_shared.settings import FILE_VERSION, Settings
from posture_shared.settings_reference import Setting, settings_of

_BARE: Final = ("whole number", "number", "true or false")
_WIDTH: Final = 110


def commented(model: type[Settings], program: str, *, head: str, given: Mapping[str, Any]) -> str:
    """TOML: `head` as a comment, then each setting with its words and its default.

    `given` are values by dotted name that stand uncommented. Secrets are left out: they belong in credentials. Lists of
    tables are left to the reference.
    """
    lines = [*(f"# {line}" for line in head.splitlines()), f"version = {FILE_VERSION}", ""]
    groups: dict[str, list[Setting]] = {}
    for one in settings_of(model):
        if "*" not in one.group and "NAME" not in one.group:
            groups.setdefault(one.group, []).append(one)
    for group, settings in groups.items():
        lines += [f"[{program}.{group}]" if group else f"[{program}]"]
        lines += [line for one in settings for line in _setting(one, given)]
        lines += [""]
    return "\n".join(lines)


def _setting(one: Setting, given: Mapping[str, Any]) -> Iterator[str]:
    if one.kind == "secret" or one.kind in ("list", "tables by name"):
        return
    yield from (f"# {line}" for line in wrap(one.help, _WIDTH))
    name = f"{one.group}.{one.name}" if one.group else one.name
    if given.get(name) is not None:
        yield f"{one.name} = {_toml(given[name])}"
    else:
        yield f"#{one.name} = {_default(one)}"


def _default(one: Setting) -> str:
    """The default as TOML; where there is none, or the machine decides, an empty text beside the words for it."""
    if one.default.startswith("`"):
        value = one.default.strip("`")
        return value if one.kind in _BARE else _toml(int(value) if value.isdecimal() else value)
    return f'""  # default: {one.default}'


def _toml(value: Any) -> str:
    """JSON's numbers, texts, lists and truth are TOML's."""
    return json.dumps(value if isinstance(value, (bool, int, float, list)) else str(value), ensure_ascii=False)
