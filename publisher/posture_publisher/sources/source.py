"""What a source of pictures is."""

from typing import Protocol

from posture_publisher.encode import Picture


class Source(Protocol):
    """Gives one picture after another.

    Attributes:
        name: for people and `status/<pi_id>`; holds no password.
        live: time does not wait for it: when the spool is full its oldest frames go. A source that is not live
            waits for room instead.
    """

    name: str
    live: bool

    def read(self) -> Picture | None:
        """The next picture, or None at the end. Raises `SourceLost` where there should be one."""

    def close(self) -> None:
        """Release the device or file."""


class SourceLost(Exception):  # noqa: N818 - it says what happened
    """The source was there and is gone; the text is a sentence for the person who must act."""


class SourceAway(Exception):  # noqa: N818 - it says what happens
    """The source is away and may come back: worth another `read` after `retry_s` seconds."""

    def __init__(self, why: str, *, retry_s: float) -> None:
        super().__init__(why)
        self.retry_s = retry_s
