"""Logs: one event, one line, `key=value` or JSON, to stderr; rate-limited where strangers can trigger it.

Under systemd's journal a line begins with its priority (sd-daemon(3)) and has no time of its own: the journal has both.
"""

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Final, Literal, TextIO

from posture_shared.text import one_line

_PRIORITIES: Final = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_SAME_BURST: Final = 50
"""Lines of one kind in ten seconds; what is beyond is counted and said with the next line, of whatever kind."""
_KINDS: Final = 1000


class _Text(logging.Formatter):
    def __init__(self, *, journal: bool) -> None:
        super().__init__()
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        time_and_level = "" if self._journal else f"{self.formatTime(record)} {record.levelname.lower()} "
        line = f"{time_and_level}{record.name} {one_line(record.getMessage())}{_kept_back(record)}"
        return f"{line} {one_line(self.formatException(record.exc_info))}" if record.exc_info else line


class _Json(logging.Formatter):
    def __init__(self, *, journal: bool) -> None:
        super().__init__()
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        event = {} if self._journal else {"at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z")}
        event |= {
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": f"{record.getMessage()}{_kept_back(record)}",
        }
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        return json.dumps(event, ensure_ascii=False)


class _WithPriority(logging.Formatter):
    """Another formatter's line after the priority that the journal reads."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        priority = next((number for level, number in _PRIORITIES if record.levelno >= level), 7)
        return f"<{priority}>{self._inner.format(record)}"


def setup(
    *,
    style: Literal["text", "json"] = "text",
    level: str = "INFO",
    stream: TextIO | None = None,
    environment: Mapping[str, str] = os.environ,
) -> None:
    """Send every log line of this process to stderr (or `stream`)."""
    stream = stream or sys.stderr
    journal = is_journal(stream, environment)
    formatter = _Json(journal=journal) if style == "json" else _Text(journal=journal)
    handler = _Handler(stream)
    handler.setFormatter(_WithPriority(formatter) if journal else formatter)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def is_journal(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether what is written to `stream` goes to systemd's journal: `JOURNAL_STREAM` names its device and inode."""
    try:
        file = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environment.get("JOURNAL_STREAM") == f"{file.st_dev}:{file.st_ino}"


class RateLimit:
    """Says which events to log: `burst` a period, then one line that counts what was kept back."""

    def __init__(self, *, burst: int = 5, period_s: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._period_s, self._clock = burst, period_s, clock
        self._since, self._seen = clock(), 0

    def allow(self) -> tuple[bool, int]:
        """Whether to log this event, and how many were kept back in the period that just ended."""
        kept_back = self.ended()
        self._seen += 1
        return self._seen <= self._burst, kept_back

    def ended(self) -> int:
        """How many were kept back in a period that is over; asked once, they count as told."""
        now = self._clock()
        if now - self._since < self._period_s:
            return 0
        kept_back = max(0, self._seen - self._burst)
        self._since, self._seen = now, 0
        return kept_back


_Kind = tuple[str, int, str, str]
"""Logger, level, words, what it is about."""


class _Floods(logging.Filter):
    """Keeps any one kind of line from filling the disk: each (logger, level, words) has a limit of its own.

    So has each thing that lines are `about`, where whoever logs says so (`extra`): it bounds how many there are.
    """

    def __init__(self) -> None:
        super().__init__()
        self._limits: dict[_Kind, RateLimit] = {}
        self._flooding: dict[_Kind, RateLimit] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        kind = (record.name, record.levelno, str(record.msg)[:80], getattr(record, "about", ""))
        limit = self._limits.get(kind)
        if limit is None:
            if len(self._limits) >= _KINDS:
                self._limits.clear()
            limit = self._limits[kind] = RateLimit(burst=_SAME_BURST)
        allowed, kept_back = limit.allow()
        record.kept_back = kept_back
        if not allowed:
            self._flooding[kind] = limit
        elif kept_back:
            self._flooding.pop(kind, None)
        return allowed

    def ended(self) -> list[logging.LogRecord]:
        """A line for each flood that is over and left lines untold: none of its kind may ever come again."""
        told = []
        for kind, limit in list(self._flooding.items()):
            if count := limit.ended():
                self._flooding.pop(kind, None)
                name, level, *words = kind
                text = "event=kept_back count=%d of=%r"
                told.append(logging.LogRecord(name, level, "", 0, text, (count, " ".join(words).strip()), None))
        return told


class _Handler(logging.StreamHandler[TextIO]):
    """Writes what is no flood, and before it what became of floods that are over."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._floods = _Floods()
        self.addFilter(self._floods)

    def emit(self, record: logging.LogRecord) -> None:
        for late in self._floods.ended():
            super().emit(late)
        super().emit(record)


def _kept_back(record: logging.LogRecord) -> str:
    count = getattr(record, "kept_back", 0)
    return f" kept_back={count}" if count else ""
