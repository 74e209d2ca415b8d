"""What a camera says of itself on `status/<pi_id>`: checked, bounded, never trusted. Pure."""

from typing import Final, Literal

import msgspec

from posture_shared.nonsense import NONSENSE

MAX_BYTES: Final = 4096


class CameraStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A publisher's own words.

    `spooled`: frames it still holds; `dropped`: frames that its full spool gave up since its start; `oldest`: the
    lowest number of `run` among them; `trouble`: why its source gives no pictures, or the broker
    takes none; a will may say that too, where the broker ends the connection with each picture that it refuses;
    `spool`: why its disk takes no frames, so that they are kept in memory.
    """

    state: Literal["online", "offline"]
    run: str | None = None
    seq: int | None = None
    spooled: int | None = None
    dropped: int | None = None
    oldest: int | None = None
    fps: float | None = None
    source: str | None = None
    version: str | None = None
    capture: Literal["on", "off"] = "on"
    trouble: str | None = None
    spool: str | None = None


_decoder: Final = msgspec.json.Decoder(CameraStatus)
_LONGEST: Final = 200


def parse(payload: bytes) -> CameraStatus | None:
    """The status in `payload`, or None where it makes no sense."""
    if not 0 < len(payload) <= MAX_BYTES:
        return None
    try:
        status = _decoder.decode(payload)
    except NONSENSE:
        return None
    texts = (status.run, status.source, status.version, status.trouble, status.spool)
    numbers = (status.seq, status.spooled, status.dropped, status.oldest, status.fps)
    if any(t is not None and len(t) > _LONGEST for t in texts):
        return None
    return None if any(n is not None and not 0 <= n < 2**53 for n in numbers) else status


def nothing_below(status: CameraStatus) -> int | None:
    """The number below which the publisher holds no frame of its run any more, where it says so."""
    if status.oldest is not None:
        return status.oldest
    return status.seq + 1 if status.spooled == 0 and status.seq is not None else None
