"""How a frame without identity is told apart from its own redelivery."""

from typing import NamedTuple


class Delivery(NamedTuple):
    """Packet id, SHA-256 of the message, and camera; stored in the row's transaction.

    Brokers count packet ids up to 65,535 before they use one again, so the newest 32,768 deliveries cannot be
    mistaken for later frames with equal content, e.g. of a frozen camera.
    """

    packet: int
    sha256: bytes
    pi_id: str


KEPT = 32_768
"""How many deliveries are remembered."""
