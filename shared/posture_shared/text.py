"""A stranger's text as data: one line, no control characters, bounded. Pure."""

import re
from typing import Final

_MOVING: Final = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def one_line(text: str, limit: int = 2000) -> str:
    """`text` without line breaks and control characters, at most `limit` characters."""
    clean = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text.replace("\n", " | "))
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def harmless_json(encoded: str) -> str:
    """JSON that says the same and moves no terminal's cursor: escaped is what an encoder leaves and a terminal obeys.

    That are the C1 controls, delete and the orders to turn a line around; also the two line separators of Unicode,
    where some readers of lines would end one.
    """
    return _MOVING.sub(lambda found: f"\\u{ord(found[0]):04x}", encoded)
