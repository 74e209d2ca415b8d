import dataclasses

import pytest

from posture_agent.frames.completion import Completion
from posture_agent.master.results import kept_picture
from posture_shared.messages.worker import Analysis
from support.site_records import frame


def completion(status: str, picture: bytes = b"") -> Completion:
    came = dataclasses.replace(frame(), jpeg=b"as it came")
    return Completion(frame=came, analysis=Analysis(posture_status=status, reason=""), picture=picture)


def test_the_workers_picture_is_kept_as_the_worker_sent_it():
    assert kept_picture(completion("Good", b"annotated"), "skeleton") == b"annotated"
    assert kept_picture(completion("Good"), "annotated") is None


@pytest.mark.parametrize("keep", ["skeleton", "bad-only", "none"])
def test_a_failed_frame_is_kept_aside_only_where_privacy_allows(keep: str):
    assert kept_picture(completion("Failed"), "annotated") == b"as it came"
    assert kept_picture(completion("Failed"), keep) is None
