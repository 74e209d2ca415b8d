"""Spans of time and moments as people type them: `30m`, `1d`, `2026-03-29`, `2026-03-29T08:30`. Pure."""

import re
from datetime import datetime, timedelta
from typing import Final

_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
EXAMPLES: Final = "30s, 45m, 2h, 1d or 1w"


def parse_span(text: str) -> float:
    """The seconds in `text`.

    Raises:
        ValueError: it is no span of time.
    """
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"'{text[:40]}' is no span of time such as {EXAMPLES}")
    return float(found[1]) * _SECONDS[found[2]]


def parse_since(text: str, now: datetime) -> datetime:
    """The moment that `text` means: a span before `now`, or a date or time, in the local zone where it names none.

    Raises:
        ValueError: it is neither.
    """
    if _SPAN.fullmatch(text.strip()):
        try:
            return now - timedelta(seconds=parse_span(text))
        except OverflowError:
            raise ValueError(f"'{text[:40]}' is longer ago than there are dates") from None
    try:
        return datetime.fromisoformat(text.strip()).astimezone()
    except (ValueError, OverflowError):
        raise ValueError(f"'{text[:40]}' is neither a span ({EXAMPLES}) nor a time such as 2026-03-29T08:30") from None
