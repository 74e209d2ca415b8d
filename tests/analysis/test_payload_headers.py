"""What may be decoded is known from the header; what may not has one clear reason."""

import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest

from posture_agent.analysis import jpeg
from posture_agent.analysis.jpeg import Unusable, inspect
from posture_agent.analysis.pixels import decode, encode
from posture_shared.frame import FrameIdentity, embed, new_id


def _picture(width: int = 64, height: int = 48) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 255, (height, width, 3), np.uint8)


def _jpeg(width: int = 64, height: int = 48, *flags: int) -> bytes:
    return bytes(cv2.imencode(".jpg", _picture(width, height), list(flags))[1])


def _claiming(width: int, height: int) -> bytes:
    """A small JPEG whose header says it is large."""
    data = bytearray(_jpeg())
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return bytes(data)


def _reason(data: bytes, **limits: int) -> str:
    found = inspect(data, **limits)
    assert isinstance(found, Unusable)
    return found.reason


def test_the_size_is_read_without_decoding() -> None:
    assert inspect(_jpeg(64, 48)) == (64, 48)
    assert inspect(_jpeg(64, 48, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)) == (64, 48)


def test_an_identity_in_the_comment_segment_is_no_hindrance() -> None:
    data = embed(_jpeg(), FrameIdentity(new_id(), new_id(), 1, datetime.now(UTC)))
    assert inspect(data) == (64, 48)
    assert decode(data).shape == (48, 64, 3)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty payload"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "PNG picture, JPEG expected"),
        (b"GIF89a" + b"\0" * 40, "GIF picture, JPEG expected"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "WebP picture, JPEG expected"),
        (b"\0\0\0\x18ftypheic", "HEIF, AVIF or MP4 file, JPEG expected"),
        (b"this is not base64 at all!", "text, JPEG expected"),
        (b"\x00\x01\x02\x03", "unknown data, JPEG expected"),
        (b"\xff\xd8", "truncated JPEG: its end is missing"),
        (_claiming(20000, 20000), "20000 × 20000 pixels, at most 25000000 pixels are accepted"),
        (_claiming(64, 0), "damaged JPEG: its header gives no size"),
    ],
)
def test_each_unusable_payload_has_its_reason(data: bytes, reason: str) -> None:
    assert _reason(data) == reason
    with pytest.raises(Unusable) as raised:
        decode(data)
    assert raised.value.reason == reason


def test_a_payload_above_the_limit_of_bytes_is_refused() -> None:
    assert _reason(b"\xff" * 11, max_bytes=10) == "11 bytes, at most 10 are accepted"


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 0.99])
def test_a_truncated_jpeg_is_noticed_wherever_it_ends(share: float) -> None:
    data = _jpeg(320, 240)
    cut = data[: int(len(data) * share)]
    assert _reason(cut) == "truncated JPEG: its end is missing"
    assert _reason(data[:-1]) == "truncated JPEG: its end is missing"


def test_bytes_behind_the_end_do_no_harm() -> None:
    assert decode(_jpeg() + b"\0" * 100).shape == (48, 64, 3)


def test_an_end_marker_in_a_thumbnail_does_not_hide_the_cut() -> None:
    thumbnail = _jpeg(16, 12)
    app = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    whole = _jpeg(320, 240)
    data = whole[:2] + app + whole[2:]
    assert inspect(data) == (320, 240)
    assert _reason(data[: len(data) // 2]) == "truncated JPEG: its end is missing"


def test_thousands_of_scans_are_refused() -> None:
    data = _jpeg(64, 48, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x00\x00\x00"
    assert _reason(data[:-2] + scan * 5000 + data[-2:]) == f"JPEG of more than {jpeg.MAX_SCANS} scans"


def test_header_only_garbage_never_raises_anything_else() -> None:
    chance = np.random.default_rng(7)
    whole = _jpeg(64, 48)
    for _ in range(300):
        data = bytearray(whole)
        for at in chance.integers(2, len(data), 6):
            data[at] = chance.integers(0, 256)
        with suppress(Unusable):
            decode(bytes(data), max_pixels=1_000_000)


def test_decoding_and_encoding_keep_the_picture() -> None:
    smooth = cv2.GaussianBlur(_picture(), (0, 0), 4)
    again = decode(encode(smooth, 95))
    assert np.abs(again.astype(int) - smooth.astype(int)).mean() < 3


def test_the_gate_needs_no_opencv() -> None:
    code = "import posture_agent.analysis.jpeg, sys; print(sorted({'cv2', 'numpy', 'mediapipe'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
