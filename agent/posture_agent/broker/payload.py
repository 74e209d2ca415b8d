"""What a message on `images/#` holds: the JPEG, raw or as base64 text, and its identity. Pure."""

import base64
import binascii
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from posture_shared.frame import FrameIdentity, checked, extract, is_jpeg, valid_pi_id

PREFIX: Final = "images/"
_DATA_URL: Final = re.compile(rb"\s*data:image/[a-z+.-]{1,20};base64,", re.IGNORECASE)
_FIELDS: Final = frozenset({"id", "run", "seq", "captured"})


class NotBase64Error(ValueError):
    """The message is text, but neither a JPEG nor base64."""


def camera(topic: str) -> str | None:
    """The camera that `topic` names, or None where it is not `images/<pi_id>`."""
    pi_id = topic.removeprefix(PREFIX)
    return pi_id if pi_id != topic and valid_pi_id(pi_id) else None


def picture(message: bytes) -> bytes:
    """The picture in `message`: the bytes themselves, or what its base64 text holds.

    Line breaks and a data-URL prefix are tolerated. Whether it is a JPEG is for its header to say.

    Raises:
        NotBase64Error: the message is text, but no base64.
    """
    if is_jpeg(message) or not message:
        return message
    prefix = _DATA_URL.match(message[:64])
    text = (message[prefix.end() :] if prefix else message).translate(None, b" \t\r\n\0")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        if all(32 <= byte < 127 for byte in text[:64]):
            raise NotBase64Error from None
        return message


def identity(jpeg: bytes, properties: Iterable[tuple[str, str]]) -> FrameIdentity | None:
    """Who the frame is: from the JPEG's comment segment, else from MQTT 5 user properties of the same names."""
    found = extract(jpeg)
    if found is None:
        found = _from_properties({name: value for name, value in properties if name in _FIELDS})
    return None if found is None else _in_utc(found)


def _from_properties(values: dict[str, str]) -> FrameIdentity | None:
    if not values.keys() >= _FIELDS:
        return None
    try:
        return checked(
            FrameIdentity(values["id"], values["run"], int(values["seq"]), datetime.fromisoformat(values["captured"]))
        )
    except ValueError:
        return None


def _in_utc(found: FrameIdentity) -> FrameIdentity | None:
    try:
        return FrameIdentity(found.id, found.run, found.seq, found.captured.astimezone(UTC))
    except (OverflowError, ValueError):
        return None
