"""PUBACKs in the order of receipt (MQTT 5, 4.6), each on the connection that brought its packet. Pure."""

from collections import deque
from collections.abc import Callable
from typing import Final


class Receipt:
    """One delivery on one connection: its packet id, and whether it may be acknowledged."""

    __slots__ = ("owner", "packet", "settled")

    def __init__(self, owner: "Receipts", packet: int) -> None:
        self.owner, self.packet, self.settled = owner, packet, False

    @property
    def owed(self) -> bool:
        """Whether the broker waits for an acknowledgement, and can still be given it."""
        return self.packet != 0 and self.owner.open and not self.settled


class Receipts:
    """The deliveries of one connection that are not acknowledged yet.

    Args:
        acknowledge: sends the PUBACK of a packet id on this connection.
    """

    def __init__(self, acknowledge: Callable[[int], None]) -> None:
        self._acknowledge: Final = acknowledge
        self._waiting: deque[Receipt] = deque()
        self._open = True

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def open(self) -> bool:
        """Whether the connection still stands."""
        return self._open

    def receive(self, packet: int) -> Receipt:
        """A delivery arrived; packet id 0 is QoS 0, which has no acknowledgement."""
        receipt = Receipt(self, packet)
        if packet:
            self._waiting.append(receipt)
        return receipt

    def settle(self, receipt: Receipt) -> None:
        """`receipt` may be acknowledged: it is, once all before it may be."""
        receipt.settled = True
        while self._open and self._waiting and self._waiting[0].settled:
            self._acknowledge(self._waiting.popleft().packet)

    def close(self) -> None:
        """The connection is gone: its packet ids mean nothing on the next one."""
        self._open = False
        self._waiting.clear()


def settle(receipts: list[Receipt]) -> None:
    """Acknowledge every delivery of one frame, each on its own connection."""
    for receipt in receipts:
        receipt.owner.settle(receipt)
