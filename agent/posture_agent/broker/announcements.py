"""What the master says by MQTT besides confirmations: orders to cameras (retained) and alerts (passing). Pure state.

Orders are said again on each new connection, for the broker may have lost them; alerts wait for a connection, the
oldest given up first.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple

WAITING: Final = 100
"""Alerts that wait for a connection."""


class Announcement(NamedTuple):
    """A message to be published with QoS 1."""

    topic: str
    payload: bytes
    retain: bool


class Announcements:
    """The orders that hold, and what is still to be said."""

    def __init__(self) -> None:
        self._orders: dict[str, bytes] = {}
        self._unsaid: set[str] = set()
        self._passing: deque[Announcement] = deque(maxlen=WAITING)

    def order(self, topic: str, payload: bytes) -> None:
        """Say it, retained; replaces what was ordered on this topic."""
        self._orders[topic] = payload
        self._unsaid.add(topic)

    def alert(self, topic: str, payload: bytes) -> None:
        """Say it once."""
        self._passing.append(Announcement(topic, payload, retain=False))

    def everything(self) -> None:
        """There is a new connection: all orders are to be said again."""
        self._unsaid.update(self._orders)

    def take(self, most: int) -> Iterator[Announcement]:
        """What is to be said now, at most so many; orders first."""
        while most > 0 and self._unsaid:
            topic = self._unsaid.pop()
            most -= 1
            yield Announcement(topic, self._orders[topic], retain=True)
        while most > 0 and self._passing:
            most -= 1
            yield self._passing.popleft()
