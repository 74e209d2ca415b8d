"""What the master counts as it happens: where each frame's time went, rows by node, decisions, the loop's lag.

Fed on the event loop, read by the thread that answers a scrape: the library's own locks stand between them.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

from posture_agent.metrics.bounded import MOST_NODES, Bounded
from posture_shared.records import Decision, Result

_QUEUE_S: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120)
_ANALYSIS_S: Final = (0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08, 0.12, 0.2, 0.4, 0.8, 2, 5)
_WAY_S: Final = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120, 600)
_LAG_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
_HANDOVER_S: Final = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 60, 120)
_OPEN: Final = 200
"""Decisions remembered, so that one told again is not counted again."""


class Observed:
    """Histograms and counters of one master's life, in `registry`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._nodes = Bounded(MOST_NODES)
        self._decided: deque[str] = deque(maxlen=_OPEN)

        def times(name: str, text: str, buckets: Sequence[float], *labels: str) -> Histogram:
            return Histogram(name, text, labels, buckets=buckets, registry=registry)

        self._queue = times("posture_frame_queue_seconds", "From receipt until a worker began with the frame", _QUEUE_S)
        self._analysis = times(
            "posture_frame_analysis_seconds", "Time in the analysis, by the node that did it", _ANALYSIS_S, "node"
        )
        self._total = times(
            "posture_frame_total_seconds", "From receipt until just before the row was committed", _WAY_S
        )
        self._end_to_end = times(
            "posture_frame_end_to_end_seconds",
            "From capture until the row was committed, by the corrected clock of the camera",
            _WAY_S,
        )
        self._lag = times("posture_loop_lag_seconds", "How late the event loop was, looked at twice a second", _LAG_S)
        self._handover = times(
            "posture_handover_seconds", "From a decision until the old side had drained", _HANDOVER_S
        )
        self._decisions = Counter(
            "posture_decisions", "Decisions of placement, by the state they led to", ["state"], registry=registry
        )
        self._by_node = Counter(
            "posture_node_rows", "Rows whose frame was analysed on the node", ["node"], registry=registry
        )

    def row(self, result: Result) -> None:
        """A row was committed."""
        spent = result.latency_ms
        node = self._nodes.label(result.processed_by) if result.processed_by is not None else None
        if node is not None:
            self._by_node.labels(node).inc()
            if spent.analyze is not None:
                self._analysis.labels(node).observe(spent.analyze / 1000)
        for histogram, ms in (
            (self._queue, spent.queue),
            (self._total, spent.total),
            (self._end_to_end, result.end_to_end_ms),
        ):
            if ms is not None:
                histogram.observe(max(0.0, ms / 1000))

    def decision(self, decision: Decision) -> bool:
        """A decision was made, or told again because its handover is over; whether it is a new one."""
        if decision.handover_ms is not None:
            self._handover.observe(decision.handover_ms / 1000)
        if decision.decision_id in self._decided:
            return False
        self._decided.append(decision.decision_id)
        self._decisions.labels(decision.state).inc()
        return True

    def lag(self, seconds: float) -> None:
        """The loop was late by so much."""
        self._lag.observe(seconds)
