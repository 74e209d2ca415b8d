"""A frame that was accepted: what ingest hands to the leases."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedFrame:
    """A JPEG of a valid camera within the limits; from now on it must end in exactly one row.

    Attributes:
        frame_id: UUID text; the publisher's, or ours where it sent none.
        run, seq: the publisher's start and number; None from publishers without identity.
        captured: the camera's clock; None without identity.
        jpeg: the picture as bytes of a JPEG (base64 already undone).
        received_at: UTC; received_s: the same moment on the monotonic clock.
        width, height: pixels, from the header.
    """

    frame_id: str
    pi_id: str
    run: str | None
    seq: int | None
    captured: datetime | None
    jpeg: bytes
    received_at: datetime
    received_s: float
    width: int
    height: int
