"""A delivery as it came from the broker, and what it says of itself once taken apart. Pure."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from posture_agent.analysis.jpeg import Unusable
from posture_agent.broker import payload
from posture_shared.frame import FrameIdentity


class Message(NamedTuple):
    """A PUBLISH as it came, with the time of receipt (UTC and monotonic)."""

    topic: str
    body: bytes
    packet: int
    dup: bool
    retain: bool
    properties: Iterable[tuple[str, str]]
    at: datetime
    at_s: float


class Arrival(NamedTuple):
    """A message on a camera's topic, taken apart."""

    message: Message
    pi_id: str
    picture: bytes
    found: FrameIdentity | None
    unusable: Unusable | None

    @classmethod
    def of(cls, message: Message) -> "Arrival":
        """Take `message` apart; what makes no sense in it is `unusable`, never an error."""
        pi_id = message.topic.removeprefix(payload.PREFIX)
        try:
            picture, unusable = payload.picture(message.body), None
        except payload.NotBase64Error:
            picture, unusable = message.body, Unusable("the message is neither a JPEG nor base64 text")
        return cls(message, pi_id, picture, payload.identity(picture, message.properties), unusable)
