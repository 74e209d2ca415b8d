"""`docs/protocol.md` is the reference: it names every message and every field of the structs that are spoken."""

from pathlib import Path
from typing import get_args

import msgspec
import pytest

from posture_shared.messages import worker as wire

DOCUMENT = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
MESSAGES = [*get_args(wire.FromWorker), *get_args(wire.ToWorker)]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__struct_config__.tag)
def test_each_message_is_described_with_all_its_fields(message):
    [row] = [line for line in DOCUMENT.splitlines() if line.startswith(f"| `{message.__struct_config__.tag}` |")]
    for field in msgspec.structs.fields(message):
        assert f"`{field.encode_name}`" in row, f"{field.encode_name} is not described"


def test_the_analysis_is_described_with_all_its_fields():
    for field in msgspec.structs.fields(wire.Analysis):
        assert f"`{field.encode_name}`" in DOCUMENT


def test_a_frame_survives_the_wire():
    sent = wire.Frame(lease=1, frame_id="x", attempt=1, generation=2, ttl_ms=5000, pi_id="pi1", tracking=True)
    assert wire.decode_to_worker(wire.encode(sent)) == sent
