"""What can be set: every setting of a model with type, default, range and environment variable. Pure.

`docs/configuration.md` is made of it. A default that is this machine's own, such as the number of its cores, is said in
the words of the field's `json_schema_extra={"default": …}`.
"""

from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from posture_shared.settings import variable_of

_SIGNS: Final = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
_NAMES: Final = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    Path: "path",
    SecretStr: "secret",
}


class Setting(NamedTuple):
    """One setting. `group` is the dotted name of the table it stands in, "" for the program's own."""

    group: str
    name: str
    kind: str
    default: str
    limits: str
    variable: str
    help: str


def settings_of(model: type[BaseModel], at: tuple[str, ...] = ()) -> Iterator[Setting]:
    """Every setting of `model`, in its order, each group after the settings beside it."""
    groups: list[tuple[str, type[BaseModel]]] = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            groups.append((name, kind))
            continue
        place = (*at, name)
        words = " ".join((field.description or "").split())
        yield Setting(".".join(at), name, _kind(kind), _default(field), _limits(field), variable_of(place), words)
        for member in _members(kind):
            yield from settings_of(member, (*place, "NAME" if get_origin(kind) is dict else "*"))
    for name, kind in groups:
        yield from settings_of(kind, (*at, name))


def _members(kind: Any) -> Iterator[type[BaseModel]]:
    """The models that a list or a table of names holds."""
    if get_origin(kind) in (list, tuple, dict):
        yield from (part for part in get_args(kind) if isinstance(part, type) and issubclass(part, BaseModel))


def _kind(kind: Any) -> str:
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _kind(parts[0])
    if origin is Literal:
        return ", ".join(f"`{part}`" for part in parts)
    if origin in (Union, UnionType):
        return " or ".join(_kind(part) for part in parts if part is not NoneType)
    if origin in (list, tuple):
        return "list" if any(_members(kind)) else f"list of {_kind(parts[0])}"
    if origin is dict:
        return "tables by name"
    return _NAMES.get(kind, getattr(kind, "__name__", str(kind)))


def _default(field: FieldInfo) -> str:
    said = field.json_schema_extra
    if isinstance(said, dict) and "default" in said:
        return str(said["default"])
    if field.is_required():
        return "must be set"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ("", (), [], {}):
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _limits(field: FieldInfo) -> str:
    found: list[str] = []
    for part in (*field.metadata, *_inside(field.annotation)):
        found += [
            f"{sign} {getattr(part, name):,}".replace(",", " ") for name, sign in _SIGNS.items() if hasattr(part, name)
        ]
    return ", ".join(dict.fromkeys(found))


def _inside(annotation: Any) -> Iterator[Any]:
    """What is said of the members of a union or a list."""
    for part in get_args(annotation):
        if get_origin(part) is Annotated:
            for said in get_args(part)[1:]:
                yield from getattr(said, "metadata", [said])
