"""Logs: one event, one line, `key=value` or JSON, to stderr; rate-limited where strangers can trigger it."""

import json
import logging
import sys
import time
from collections.abc import Callable
from typing import Literal

from posture_shared.text import one_line


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = f"{self.formatTime(record)} {record.levelname.lower()} {record.name} {one_line(record.getMessage())}"
        return f"{line} {one_line(self.formatException(record.exc_info))}" if record.exc_info else line


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        event = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        return json.dumps(event, ensure_ascii=False)


def setup(*, style: Literal["text", "json"] = "text", level: str = "INFO") -> None:
    """Send every log line of this process to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if style == "json" else _Text())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


class RateLimit:
    """Says which events to log: `burst` a period, then one line that counts what was kept back."""

    def __init__(self, *, burst: int = 5, period_s: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._period_s, self._clock = burst, period_s, clock
        self._since, self._seen = clock(), 0

    def allow(self) -> tuple[bool, int]:
        """Whether to log this event, and how many were kept back in the period that just ended."""
        now, kept_back = self._clock(), 0
        if now - self._since >= self._period_s:
            kept_back = max(0, self._seen - self._burst)
            self._since, self._seen = now, 0
        self._seen += 1
        return self._seen <= self._burst, kept_back
