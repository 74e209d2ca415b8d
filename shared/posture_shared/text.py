"""A stranger's text as data: one line, no control characters, bounded. Pure."""


def one_line(text: str, limit: int = 2000) -> str:
    """`text` without line breaks and control characters, at most `limit` characters."""
    clean = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text.replace("\n", " | "))
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"
