"""What an operator can have a camera do, in words: stop taking pictures, go on, take a person as upright. Pure."""

from datetime import datetime
from typing import Final

from posture_console.core.facts import Fact
from posture_console.core.quantities import age, degrees, duration
from posture_console.core.reading import Reading
from posture_console.core.rows.cameras import camera_line, presence
from posture_console.core.spans import Cell, Tone, word
from posture_console.core.status import POSTURE, look
from posture_console.core.store import SiteStore
from posture_shared.timeline import Pause, PostureBaseline

PROFILE: Final = "default"
"""The profile that a baseline is taken for where none is named."""


def camera_state(pi_id: str, reading: Reading) -> list[Fact]:
    """The camera and how it stands now."""
    camera = reading.store.cameras.get(pi_id)
    name: Fact = ("camera", word(pi_id, Tone.STRONG))
    if camera is None:
        return [name, ("now", word("the master does not know this camera now", Tone.WARN))]
    line = camera_line(reading.store, camera)
    seen = "nothing yet" if camera.last_status is None else look(POSTURE, camera.last_status).label
    last = f"last frame {age(reading.moment.age_s(camera.last_received))} ago"
    state, tone = presence(line)
    return [name, ("now", word(f"{state}, {last}, sees {seen}", tone if tone is not Tone.GOOD else Tone.TEXT))]


def gone(pi_id: str, store: SiteStore) -> str | None:
    """Why nothing can be asked of this camera any more; None while it is there."""
    return None if pi_id in store.cameras else f"the master does not know camera {pi_id} any more"


def pause_words(pause: Pause, now: datetime) -> str:
    """A pause in one sentence."""
    left = "until it is resumed" if pause.until is None else f"for {duration((pause.until - now).total_seconds())} more"
    return f"no pictures {left}, by {pause.author}: {pause.reason}"


def pause_effect(for_s: float | None) -> str:
    """What a pause does."""
    lasting = "until it is resumed" if for_s is None else f"for {duration(for_s)}, then it goes on by itself"
    return f"it takes no pictures {lasting}; what it has taken is still sent and analysed"


def baseline_words(baseline: PostureBaseline | None) -> str:
    """What pictures are judged by, in one sentence."""
    if baseline is None:
        return "the default for everybody"
    angles = f"neck {degrees(baseline.neck)}, trunk {degrees(baseline.body)}"
    return f"{angles} for {baseline.profile}, version {baseline.version}"


def calibrate_effect(profile: str) -> str:
    """What a calibration does."""
    return (
        f"the person there is watched for some seconds and becomes what upright is for profile {profile}: "
        "let them sit upright and still, from the side"
    )


def change_words(before: PostureBaseline | None, taken: PostureBaseline) -> Cell:
    """How a new baseline stands to the one before."""
    if before is None:
        return word("the first one for this camera", Tone.DIM)
    neck, body = taken.neck - before.neck, taken.body - before.body
    return word(f"neck {degrees(neck)}, trunk {degrees(body)} against version {before.version}", Tone.DIM)
