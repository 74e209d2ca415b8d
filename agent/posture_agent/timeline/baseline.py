"""A person's own upright posture from some seconds of readings, or the sentence why it cannot be taken. Pure."""

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from posture_agent.timeline.reading import Reading
from posture_agent.timeline.settings import BaselineSettings

_SPREAD_SHARE = 0.1


class Upright(NamedTuple):
    """Median angles, degrees from the vertical, and how many readings they come from."""

    neck_deg: float
    body_deg: float
    readings: int


class Refusal(NamedTuple):
    """Why no baseline could be taken, for the person in front of the camera."""

    sentence: str


def take(readings: Sequence[Reading], settings: BaselineSettings) -> Upright | Refusal:
    """The upright posture that `readings` show.

    The spread is that of the middle 80 %, so that one wrong picture does not spoil a calibration.
    """
    if len(readings) < settings.least_readings:
        return Refusal(
            f"only {len(readings)} pictures could be judged in {settings.seconds:g} s, {settings.least_readings} are "
            "needed: sit so that ear, shoulder and hip are seen from the side"
        )
    necks, bodies = [r.neck_deg for r in readings], [r.body_deg for r in readings]
    for what, values in (("neck", necks), ("trunk", bodies)):
        spread = _spread(values)
        if spread > settings.most_spread_deg:
            return Refusal(
                f"the {what} moved by {spread:.0f}°, at most {settings.most_spread_deg:g}° are allowed: sit still and "
                "try again"
            )
    body = median(bodies)
    if abs(body) > settings.most_lean_deg:
        direction = "forward" if body > 0 else "back"
        return Refusal(
            f"the trunk leans {abs(body):.0f}° {direction}, at most {settings.most_lean_deg:g}° are allowed: sit "
            "upright and try again"
        )
    return Upright(round(median(necks), 2), round(body, 2), len(readings))


def drift(recent: Sequence[Reading], upright: Upright, settings: BaselineSettings) -> str | None:
    """A warning where the usual good posture is far from `upright`; None where it fits or little is known."""
    good = [r for r in recent if not r.bad]
    if len(good) < 10 * settings.least_readings:
        return None
    for what, now, then in (
        ("neck", median(r.neck_deg for r in good), upright.neck_deg),
        ("trunk", median(r.body_deg for r in good), upright.body_deg),
    ):
        if abs(now - then) > settings.drift_deg:
            return (
                f"the usual {what} angle is {now:+.0f}°, the baseline says {then:+.0f}°: the camera or the seat may "
                "have moved, calibrate again"
            )
    return None


def _spread(values: Sequence[float]) -> float:
    ordered = sorted(values)
    cut = int(len(ordered) * _SPREAD_SHARE)
    return ordered[len(ordered) - 1 - cut] - ordered[cut]
