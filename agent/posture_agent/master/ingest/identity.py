"""Decides what a delivery is: a new frame, one that is in flight, or one that is durable already. Pure but for `Known`.

With an identity the id decides. Without one (older publishers) a redelivery is a delivery that the broker marks DUP
and whose packet id, content and camera equal an earlier one; identical pictures of a frozen camera lack the mark
or the packet id and are separate frames.
"""

import hashlib
import uuid
from typing import NamedTuple, Protocol

from posture_agent.store.delivery import Delivery
from posture_shared.frame import FrameIdentity, new_id


class Known(Protocol):
    """What is durable."""

    def owner(self, frame_id: str) -> str | None:
        """The camera of the durable frame `frame_id`."""

    def delivered(self, packet: int, sha256: bytes, pi_id: str) -> str | None:
        """The durable frame that was delivered so."""


class New(NamedTuple):
    """A frame not seen before.

    `delivery` is set where it has no identity of its own; `renamed` where its id had come from another camera.
    """

    frame_id: str
    delivery: Delivery | None = None
    renamed: bool = False


class InFlight(NamedTuple):
    """A frame that is held already: this delivery shares its fate."""

    frame_id: str


class Durable(NamedTuple):
    """A frame that has its row: acknowledge at once and confirm again."""

    frame_id: str


Verdict = New | InFlight | Durable


class Flying(NamedTuple):
    """The frames in flight, as the decision needs them."""

    cameras: dict[str, str]
    """frame_id → pi_id"""
    deliveries: dict[Delivery, str]
    """for frames without identity: how they came → frame_id"""


def with_identity(pi_id: str, found: FrameIdentity, flying: Flying, known: Known) -> Verdict:
    """What a delivery with an identity is.

    An id that came from another camera gets a new one, derived from both, so that its redelivery gets the same.
    """
    frame_id, renamed = found.id, False
    for _ in range(2):
        owner = flying.cameras.get(frame_id)
        if owner == pi_id:
            return InFlight(frame_id)
        owner = owner or known.owner(frame_id)
        if owner is None:
            return New(frame_id, renamed=renamed)
        if owner == pi_id:
            return Durable(frame_id)
        frame_id, renamed = str(uuid.uuid5(uuid.UUID(found.id), pi_id)), True
    return New(new_id(), renamed=True)


def without_identity(pi_id: str, message: bytes, packet: int, flying: Flying, known: Known, *, dup: bool) -> Verdict:
    """What a delivery without identity is."""
    delivery = Delivery(packet, hashlib.sha256(message).digest(), pi_id)
    if dup:
        if (frame_id := flying.deliveries.get(delivery)) is not None:
            return InFlight(frame_id)
        if (frame_id := known.delivered(*delivery)) is not None:
            return Durable(frame_id)
    return New(new_id(), delivery=delivery if packet else None)
