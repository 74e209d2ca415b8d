"""Numbers as people read them: ages, rates, angles, sizes, times of day. None is a dash."""

from datetime import datetime
from typing import Final

DASH: Final = "–"


def age(seconds: float | None) -> str:
    """An age in at most four characters: `0.4s`, `12s`, `3m`, `5h`, `9d`."""
    if seconds is None:
        return DASH
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    if seconds < 100:
        return f"{seconds:.0f}s"
    if seconds < 5400:
        return f"{seconds / 60:.0f}m"
    return f"{seconds / 3600:.0f}h" if seconds < 48 * 3600 else f"{min(999, seconds / 86400):.0f}d"


def duration(seconds: float) -> str:
    """A span of time in words short enough for a line: `45 s`, `3 min`, `2 h 5 min`."""
    whole = max(0, int(seconds))
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min"
    hours, rest = divmod(whole, 3600)
    return f"{hours} h {rest // 60} min" if hours < 48 else f"{hours // 24} days"


def rate(per_s: float | None) -> str:
    """Frames a second without unit."""
    if per_s is None:
        return DASH
    return f"{per_s:.1f}" if per_s < 99.95 else f"{per_s:.0f}"


def degrees(angle: float | None) -> str:
    """A signed angle, whole degrees."""
    return DASH if angle is None else f"{angle:+.0f}°".replace("+0°", "0°").replace("-0°", "0°").replace("-", "−")


def percent(value: float | None) -> str:
    """Per cent of 0–100."""
    return DASH if value is None else f"{value:.0f}%"


def milliseconds(value: float | None) -> str:
    """A duration given in ms."""
    if value is None:
        return DASH
    return f"{value:.0f} ms" if value < 9999.5 else f"{value / 1000:.1f} s"


def count(value: int | None) -> str:
    """A count with thousands separated, shortened past ten million."""
    if value is None:
        return DASH
    return f"{value:,}" if value < 10_000_000 else f"{value / 1_000_000:.1f}M"


def size(value: int) -> str:
    """A size in bytes as `12 kB`, `3.4 MB`."""
    if value < 1000:
        return f"{value} B"
    if value < 999_500:
        return f"{value / 1e3:.0f} kB"
    return f"{value / 1e6:.1f} MB" if value < 99_950_000 else f"{value / 1e6:.0f} MB"


def clock_time(at: datetime | None) -> str:
    """The local time of day, `14:03:22`."""
    return DASH if at is None else at.astimezone().strftime("%H:%M:%S")


def moment(at: datetime | None) -> str:
    """Local date and time, `2026-03-02 14:03:22`."""
    return DASH if at is None else at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
