"""What the analysis says of pictures with known angles, and how far it is from the truth."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import mean

from known_angles import Sample, mirrored

from posture_agent.analysis.analyzer import Analyzer
from posture_agent.analysis.posture import calibrated
from posture_agent.analysis.posture.body import Body, Point
from posture_agent.analysis.posture.verdict import Upright
from posture_agent.analysis.settings import RuleSettings
from posture_shared.messages.worker import Analysis


@dataclass(frozen=True, slots=True)
class Seen:
    """One sample and what was found in it; `upright` is the picture that its group's baseline is taken from."""

    sample: Sample
    plain: Analysis
    status: str
    """The verdict, against the group's own upright picture where there is one."""
    upright: tuple[Sample, Analysis] | None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what, the target in words, the number, and whether it holds."""

    what: str
    target: str
    measured: str
    holds: bool


def look(analyzer: Analyzer, samples: Sequence[Sample]) -> list[Seen]:
    """Analyse each sample, then judge it against the upright picture of its own group.

    The analyzer has to return landmarks, so that a second verdict needs no second look; a classic one needs none.
    """
    plain = [analyzer.analyze(sample.picture)[0] for sample in samples]
    uprights = {
        sample.group: (sample, found)
        for sample, found in zip(samples, plain, strict=True)
        if sample.upright and found.neck_angle is not None
    }
    seen = []
    for sample, found in zip(samples, plain, strict=True):
        upright = uprights.get(sample.group)
        own = _own(upright[1]) if upright is not None else None
        status: str = found.posture_status
        if own is not None and found.landmarks is not None:
            body = Body(tuple(Point(*point) for point in found.landmarks), found.width, found.height)
            status = calibrated.judge(body, own, RuleSettings()).status
        seen.append(Seen(sample, found, status, upright))
    return seen


def _own(found: Analysis) -> Upright | None:
    if found.neck_angle is None or found.body_angle is None:
        return None
    return Upright(found.neck_angle, found.body_angle, own=True)


def errors(seen: Iterable[Seen]) -> tuple[list[float], list[float]]:
    """Trunk and neck: measured less true, both against the upright picture of the group; upright ones left out."""
    trunk, neck = [], []
    for one in seen:
        found, upright = one.plain, one.upright
        if one.sample.upright or upright is None or found.neck_angle is None or found.body_angle is None:
            continue
        first, angles = upright
        assert angles.neck_angle is not None
        assert angles.body_angle is not None
        trunk.append((found.body_angle - angles.body_angle) - (one.sample.body_deg - first.body_deg))
        neck.append((found.neck_angle - angles.neck_angle) - (one.sample.neck_deg - first.neck_deg))
    return trunk, neck


def targets(seen: Sequence[Seen], *, trunk_limit: float, neck_limit: float) -> list[Row]:
    """The table of targets for pictures with known angles."""
    usable = [one for one in seen if one.sample.usable]
    judged = [one for one in usable if one.plain.neck_angle is not None]
    scenes = [one for one in judged if one.sample.scene != "azim"]
    trunk, neck = (mean(map(abs, found)) for found in errors(scenes))
    poor = [one for one in usable if one.sample.poor and one.upright is not None]
    fine = [one for one in usable if one.sample.fine and one.upright is not None]
    called = sum(one.status == "Bad" for one in fine)
    rows = [
        _share("verdict on usable side views", judged, usable, 0.98),
        *(
            _share(
                f"… facing {side}",
                [one for one in judged if one.sample.side == side],
                [one for one in usable if one.sample.side == side],
                0.98,
            )
            for side in ("left", "right")
        ),
        _share("side chosen", [one for one in judged if one.plain.side == one.sample.side], judged, 0.99),
        Row("trunk, mean error, calibrated", f"≤ {trunk_limit}°", f"{trunk:.2f}°", trunk <= trunk_limit),
        Row("neck, mean error, calibrated", f"≤ {neck_limit}°", f"{neck:.2f}°", neck <= neck_limit),
        _share("poor postures caught", [one for one in poor if one.status == "Bad"], poor, 0.98),
        Row("fine postures called Bad", "0", f"{called} of {len(fine)}", called == 0),
    ]
    away = [one for one in seen if one.sample.turned_away]
    if away:
        refused = [one for one in away if one.plain.posture_status == "Not_Side_View"]
        rows.append(_share("camera at 45° or more refused", refused, away, 0.95))
    return rows


def photograph_targets(analyzer: Analyzer, photographs: dict[str, list[bytes]]) -> list[Row]:
    """Found, not found, and the same verdict in the mirror."""

    def found(category: str) -> list[bytes]:
        return [picture for picture in photographs[category] if analyzer.analyze(picture)[0].landmarks_detected]

    rows = [
        _share(f"photographs: people found ({name})", found(name), photographs[name], 1.0) for name in ("side", "front")
    ]
    ghosts = len(found("empty"))
    rows.append(Row("photographs: found in empty ones", "0", f"{ghosts} of {len(photographs['empty'])}", ghosts == 0))
    changed, count = mirror_changes(analyzer, photographs["side"])
    rows.append(
        Row("photographs: verdict changes in the mirror", "≤ 10 %", f"{changed} of {count}", changed <= 0.1 * count)
    )
    return rows


def mirror_changes(analyzer: Analyzer, pictures: Iterable[bytes]) -> tuple[int, int]:
    """How many pictures change their verdict when they are mirrored, and of how many."""
    changed = count = 0
    for picture in pictures:
        here, there = (analyzer.analyze(one)[0].posture_status for one in (picture, mirrored(picture)))
        changed += here != there
        count += 1
    return changed, count


def cost_ms(pictures: Sequence[bytes], analyse: Callable[[bytes, int], object]) -> float:
    """Mean milliseconds of CPU for a picture after the first, which loads; other work on the machine does not count."""
    analyse(pictures[0], 0)
    began = time.process_time()
    for number, picture in enumerate(pictures[1:], start=1):
        analyse(picture, number)
    return (time.process_time() - began) * 1000 / (len(pictures) - 1)


def _share(what: str, good: Sequence[object], of: Sequence[object], least: float) -> Row:
    share = len(good) / len(of) if of else 0.0
    return Row(what, f"≥ {least:.0%}", f"{share:.1%} of {len(of)}", share >= least)
