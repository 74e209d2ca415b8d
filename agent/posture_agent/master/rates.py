"""How often something happens: events per second over a sliding window, in constant memory."""

_BUCKET_S = 0.5


class Rate:
    """Counts events in half-second buckets; `per_second` is the mean over the last `window_s` seconds.

    Right after the start the mean is over the time since the first event, so that a new camera does not look slow.
    """

    __slots__ = ("_buckets", "_first", "_last")

    def __init__(self, window_s: float = 5.0) -> None:
        self._buckets = [0] * (round(window_s / _BUCKET_S) + 1)
        self._first: float | None = None
        self._last = 0

    def add(self, now: float, count: int = 1) -> None:
        """Count `count` events at monotonic time `now`, seconds."""
        if self._first is None:
            self._first = now
            self._last = int(now / _BUCKET_S)
        self._forget(now)
        self._buckets[self._last % len(self._buckets)] += count

    def per_second(self, now: float) -> float:
        """Events per second; the bucket that is still filling is left out."""
        if self._first is None:
            return 0.0
        self._forget(now)
        full = sum(self._buckets) - self._buckets[self._last % len(self._buckets)]
        covered = min((len(self._buckets) - 1) * _BUCKET_S, self._last * _BUCKET_S - self._first)
        if covered < _BUCKET_S:
            return float(sum(self._buckets)) / max(_BUCKET_S, now - self._first)
        return full / covered

    def _forget(self, now: float) -> None:
        current = int(now / _BUCKET_S)
        size = len(self._buckets)
        for bucket in range(self._last + 1, min(current, self._last + size) + 1):
            self._buckets[bucket % size] = 0
        self._last = max(self._last, current)
