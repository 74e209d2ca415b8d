"""The verbs about people's posture and cameras: history, calibration, pauses, snoozes."""

from datetime import datetime
from typing import Any, Final

import msgspec

from posture_console.core.quantities import degrees, duration, moment, percent
from posture_console.headless.output import say_facts, say_json
from posture_console.headless.visit import answered
from posture_console.links.master_link import MasterLink
from posture_shared.exits import Exit, Stop
from posture_shared.timeline import Episode, History, Pause, PostureBaseline

HISTORY_S: Final = 35.0
"""A master reads a long history for up to 30 s."""
CALIBRATE_S: Final = 20.0
"""A calibration watches the person for up to 15 s."""
_SHOWN: Final = 20
"""Episodes shown in words, the newest; `--json` has all."""


async def show_history(
    link: MasterLink, *, as_json: bool, timeout_s: float, camera: str | None, since: datetime
) -> None:
    """What each camera saw since then."""
    body = await answered(link, "history", max(timeout_s, HISTORY_S), camera=camera, since=since)
    found = msgspec.convert(body, list[History])
    if as_json:
        say_json(found)
        return
    if not found:
        say_facts([("history", "no camera has sent a frame since then")])
    for one in found:
        say_facts(_history_facts(one))


def _history_facts(told: History) -> list[tuple[str, str]]:
    summary = told.summary
    shares = [f"{status} {percent(100 * share)}" for status, share in told.by_status.items()]
    facts = [
        ("camera", told.pi_id),
        ("span", f"{moment(told.since)} to {moment(told.until)}, {told.frames} frames"),
        ("frames", ", ".join(shares) or "none"),
        ("watched", duration(summary.watched_s)),
    ]
    if summary.good_share is not None and summary.bad_share is not None:
        facts += [
            ("good posture", f"{percent(100 * summary.good_share)}, {duration(summary.good_s)}"),
            ("bad posture", f"{percent(100 * summary.bad_share)}, {duration(summary.bad_s)}"),
            ("longest bad", duration(summary.longest_bad_s)),
            ("longest hold", duration(summary.longest_hold_s) + (" (static)" if summary.static else "")),
            ("usual angles", f"neck {degrees(summary.neck_deg)}, trunk {degrees(summary.body_deg)}"),
        ]
    facts.append(("episodes", str(len(told.episodes))))
    left_out = len(told.episodes) - _SHOWN
    if left_out > 0:
        facts.append(("  earlier", f"{left_out} more, with --json"))
    return facts + [_episode_fact(episode) for episode in told.episodes[-_SHOWN:]]


def _episode_fact(episode: Episode) -> tuple[str, str]:
    lasted = duration(episode.duration_s) + ("" if episode.ended else " so far")
    return f"  {moment(episode.started)}", f"{lasted}  {episode.reason}"


async def calibrate(link: MasterLink, *, as_json: bool, timeout_s: float, camera: str, profile: str) -> None:
    """Take the person in front of the camera as upright."""
    args = {"camera": camera, "profile": profile}
    taken = msgspec.convert(
        await commanded(link, "calibrate", args, timeout_s=max(timeout_s, CALIBRATE_S)), PostureBaseline
    )
    if as_json:
        say_json(taken)
        return
    angles = f"neck {degrees(taken.neck)}, trunk {degrees(taken.body)}"
    say_facts(
        [("baseline", f"{angles} is upright for {taken.pi_id}, profile {taken.profile} (version {taken.version})")]
    )


async def show_baselines(link: MasterLink, *, as_json: bool, timeout_s: float, camera: str | None) -> None:
    """The newest baseline of each camera and profile."""
    asked = {} if camera is None else {"camera": camera}
    found = msgspec.convert(await answered(link, "baselines", timeout_s, **asked), list[PostureBaseline])
    if as_json:
        say_json(found)
        return
    if not found:
        say_facts([("baselines", "none: people are judged by the default for everybody")])
    for one in found:
        angles = f"neck {degrees(one.neck)}, trunk {degrees(one.body)}"
        say_facts(
            [(f"{one.pi_id} {one.profile}", f"{angles}, version {one.version}, {moment(one.at)} by {one.author}")]
        )


async def pause(
    link: MasterLink, *, as_json: bool, timeout_s: float, camera: str, reason: str, for_s: float | None
) -> None:
    """Have the camera take no pictures."""
    args = {"camera": camera, "reason": reason, "for_s": for_s}
    ordered = msgspec.convert(await commanded(link, "camera_pause", args, timeout_s=timeout_s), Pause)
    if as_json:
        say_json({"camera": camera, "capture": "off", "until": ordered.until, "reason": ordered.reason})
        return
    until = "until it is resumed" if ordered.until is None else f"until {moment(ordered.until)}"
    known = link.store.cameras.get(camera)
    away = "" if known is not None and known.online else "; it is not online now and will obey when it is back"
    say_facts([("paused", f"{camera} takes no pictures {until}{away}")])


async def resume(link: MasterLink, *, as_json: bool, timeout_s: float, camera: str, reason: str) -> None:
    """Let the camera take pictures again."""
    body = await commanded(link, "camera_resume", {"camera": camera, "reason": reason}, timeout_s=timeout_s)
    if as_json:
        say_json(body)
        return
    say_facts([("resumed", f"{camera} takes pictures again")])


async def snooze(link: MasterLink, *, as_json: bool, timeout_s: float, camera: str, reason: str, for_s: float) -> None:
    """Have alerts of the camera, or of all, told to nobody for a while."""
    args = {"camera": camera, "for_s": for_s, "reason": reason}
    body = await commanded(link, "snooze", args, timeout_s=timeout_s)
    if as_json:
        say_json(body)
        return
    say_facts([("snoozed", f"alerts of {camera}" if for_s else f"no longer: alerts of {camera} are told again")])


async def commanded(link: MasterLink, verb: str, args: dict[str, Any], *, timeout_s: float) -> Any:
    """The master's answer to a command.

    Raises:
        Stop: with the master's sentence and exit code where it was not carried out.
    """
    reply = (await link.command(verb, args, timeout_s=timeout_s)).reply
    if not reply.ok:
        raise Stop(reply.error, Exit(reply.code) if reply.code in set(Exit) else Exit.NOT_WELL)
    return reply.body
