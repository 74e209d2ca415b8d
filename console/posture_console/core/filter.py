"""The filter line: `text`, `!text`, `field:value`, `!field:value`, `field>number`, all of which must hold.

A plain text is looked for in every field, without regard to case. Quotes keep spaces together.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

_TERM: Final = re.compile(r'(!?)(?:([A-Za-z_]+)(:|>=|<=|>|<))?("[^"]*"?|\S*)')
_COMPARE: Final[dict[str, Callable[[float, float], bool]]] = {
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
}


class Fields(dict[str, object]):
    """A record as the filter sees it: field name → value."""

    @cached_property
    def text(self) -> str:
        """All values, one a line, as plain terms look through them."""
        return "\n".join(map(_text, self.values()))


@dataclass(frozen=True, slots=True)
class Term:
    """One condition. Without `field`, `value` may be in any field."""

    value: str
    field: str | None = None
    operator: str = ":"
    inverse: bool = False

    def holds(self, fields: Fields) -> bool:
        """Whether a record with these fields satisfies the term."""
        return self._found(fields) is not self.inverse

    def _found(self, fields: Fields) -> bool:
        if self.field is None:
            return self.value in fields.text
        name = _matching(self.field, fields)
        if name is None:
            return False
        if self.operator == ":":
            return self.value in _text(fields[name])
        return _compare(fields[name], self.operator, self.value)


@dataclass(frozen=True, slots=True)
class Filter:
    """All terms of a filter line; no term lets everything through."""

    terms: tuple[Term, ...] = ()
    line: str = field(default="", compare=False)
    """What was typed."""

    def __call__(self, fields: Fields) -> bool:
        """Whether a record with these fields is shown."""
        return all(term.holds(fields) for term in self.terms)

    def __bool__(self) -> bool:
        return bool(self.terms)

    def doubt(self, names: Iterable[str]) -> str:
        """Why a term can hold for no record with fields of these names; empty where each could."""
        known = dict.fromkeys(names)
        for term in self.terms:
            if term.field is not None and _matching(term.field, known) is None:
                return f"no field {term.field}"
            if term.operator != ":" and not _is_number(term.value):
                return f"{term.value} is no number"
        return ""


def parse(line: str) -> Filter:
    """The filter that `line` means. Every line means something; see `Filter.doubt` for what may be a slip."""
    terms: list[Term] = []
    for inverse, name, operator, value in _TERM.findall(line):
        text = value.strip('"').casefold()
        if text:
            terms.append(Term(text, name.casefold() or None, operator or ":", inverse == "!"))
    return Filter(tuple(terms), line.strip())


def _text(value: object) -> str:
    return "" if value is None else str(value).casefold()


def _matching(asked: str, fields: Mapping[str, object]) -> str | None:
    """The field of that name, else the first that begins with it: `cam:` finds `camera`."""
    if asked in fields:
        return asked
    return next((name for name in fields if name.startswith(asked)), None)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _compare(value: object, operator: str, bound: str) -> bool:
    try:
        return _COMPARE[operator](float(str(value)), float(bound))
    except ValueError:
        return False
