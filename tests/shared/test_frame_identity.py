from datetime import UTC, datetime

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posture_shared.frame import FrameIdentity, embed, extract, new_id, parse_identity, segments, valid_pi_id


def picture(width: int = 64, height: int = 48) -> bytes:
    rng = np.random.default_rng(1)
    return bytes(cv2.imencode(".jpg", rng.integers(0, 255, (height, width, 3), np.uint8))[1])


def identity(seq: int = 1) -> FrameIdentity:
    return FrameIdentity(new_id(), new_id(), seq, datetime.now(UTC))


def test_identity_survives_in_the_picture_and_the_pixels_stay_the_same():
    jpeg, who = picture(), identity()
    marked = embed(jpeg, who)
    assert extract(marked) == who
    before, after = (cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) for data in (jpeg, marked))
    assert np.array_equal(before, after)


def test_embedding_again_replaces_the_identity():
    first, second = identity(1), identity(2)
    twice = embed(embed(picture(), first), second)
    assert extract(twice) == second
    assert twice.count(b"posture-edge/1 ") == 1


def test_the_jfif_header_stays_first():
    marked = embed(picture(), identity())
    assert marked[2:4] == b"\xff\xe0"
    assert next(segments(marked)).marker == 0xE0


def test_a_picture_without_identity_has_none():
    assert extract(picture()) is None
    assert extract(b"") is None
    assert extract(b"\x89PNG") is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[1]",
        b'{"id":"x","run":"y","seq":1,"captured":"2026-01-01T00:00:00Z"}',
        (
            b'{"id":"01a20917-500b-7078-b213-766fdd751d80","run":"01a20917-500b-7078-b213-766fdd751d80","seq":0,'
            b'"captured":"2026-01-01T00:00:00Z"}'
        ),
        (
            b'{"id":"01a20917-500b-7078-b213-766fdd751d80","run":"01a20917-500b-7078-b213-766fdd751d80","seq":1,'
            b'"captured":"2026-01-01T00:00:00"}'
        ),
        b'{"else":' + b"[" * 5000,
    ],
)
def test_an_identity_that_makes_no_sense_is_none(body: bytes):
    assert parse_identity(body) is None


@given(st.binary(max_size=400))
def test_no_bytes_break_the_segment_walk(data: bytes):
    list(segments(b"\xff\xd8" + data))
    extract(b"\xff\xd8" + data)


@given(st.integers(0, 2000))
def test_a_truncated_picture_never_gives_another_identity(cut: int):
    who = FrameIdentity(
        "01a20917-500b-7078-b213-766fdd751d80",
        "01a20917-500b-7078-b213-766fdd751d81",
        7,
        datetime(2026, 1, 1, tzinfo=UTC),
    )
    assert extract(embed(picture(), who)[:cut]) in (None, who)


def test_a_camera_name_is_letters_digits_dash_and_underscore():
    assert valid_pi_id("pi-1_A")
    for bad in ("", "a/b", "..", "a b", "ä", "x" * 65, "pi1\n"):
        assert not valid_pi_id(bad)
