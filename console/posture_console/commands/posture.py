"""The verbs about people's posture and cameras, for the command line: what they take; `headless.posture` does it."""

from datetime import UTC, datetime
from typing import Any

import click

from posture_console.commands.options import Chosen
from posture_console.commands.verb import verb, visited
from posture_console.core.moments import parse_since, parse_span


class Span(click.ParamType[float]):
    """A span of time such as 30m; the value is seconds."""

    name = "SPAN"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The seconds in `value`."""
        try:
            return value if isinstance(value, float) else parse_span(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Since(click.ParamType[datetime]):
    """A moment: a span before now, or a time."""

    name = "SPAN|TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The moment that `value` means."""
        try:
            return value if isinstance(value, datetime) else parse_since(value, datetime.now(UTC))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@verb("history")
@click.option("--camera", metavar="ID", help="Of this camera alone.")
@click.option("--since", type=Since(), default="1d", show_default=True, help="E.g. 8h, 1d, 2026-03-29T08:30.")
def history(chosen: Chosen, *, camera: str | None, since: datetime) -> None:
    """Posture over time: shares, longest stretch, episodes."""
    from posture_console.headless import posture  # noqa: PLC0415 - see visited

    visited(chosen, posture.show_history, with_timeout=True, camera=camera, since=since)


@verb("calibrate")
@click.option("--camera", metavar="ID", required=True, help="The camera that sees the person.")
@click.option("--profile", metavar="P", default="default", show_default=True, help="The person or seat.")
def calibrate(chosen: Chosen, *, camera: str, profile: str) -> None:
    """Take the person who sits upright in front of the camera now as the baseline; takes some seconds."""
    from posture_console.headless import posture  # noqa: PLC0415 - see visited

    visited(chosen, posture.calibrate, with_timeout=True, camera=camera, profile=profile)


@verb("baselines")
@click.option("--camera", metavar="ID", help="Of this camera alone.")
def baselines(chosen: Chosen, *, camera: str | None) -> None:
    """The baselines that people are judged by, newest first."""
    from posture_console.headless import posture  # noqa: PLC0415 - see visited

    visited(chosen, posture.show_baselines, with_timeout=True, camera=camera)


@click.group()
def camera() -> None:
    """Have a camera stop or go on taking pictures."""


@verb("pause")
@click.argument("camera_id", metavar="ID")
@click.option("--for", "for_s", type=Span(), help="E.g. 30m, 2h; else until it is resumed.")
@click.option("--reason", metavar="TEXT", required=True, help="Why, for the audit.")
def pause(chosen: Chosen, *, camera_id: str, for_s: float | None, reason: str) -> None:
    """Have the camera take no pictures."""
    from posture_console.headless import posture  # noqa: PLC0415 - see visited

    visited(chosen, posture.pause, with_timeout=True, camera=camera_id, for_s=for_s, reason=reason)


@verb("resume")
@click.argument("camera_id", metavar="ID")
@click.option("--reason", metavar="TEXT", default="", help="Why, for the audit.")
def resume(chosen: Chosen, *, camera_id: str, reason: str) -> None:
    """Let the camera take pictures again."""
    from posture_console.headless import posture  # noqa: PLC0415 - see visited

    visited(chosen, posture.resume, with_timeout=True, camera=camera_id, reason=reason)


@verb("snooze")
@click.option("--camera", metavar="ID", help="Alerts of this camera; else all.")
@click.option("--for", "for_s", type=Span(), default="1h", show_default=True, help="E.g. 30m; 0s ends a snooze.")
@click.option("--reason", metavar="TEXT", required=True, help="Why, for the audit.")
def snooze(chosen: Chosen, *, camera: str | None, for_s: float, reason: str) -> None:
    """Have alerts told to nobody for a while; the console still shows everything."""
    from posture_console.headless import posture  # noqa: PLC0415 - see visited

    visited(chosen, posture.snooze, with_timeout=True, camera=camera or "all", for_s=for_s, reason=reason)


camera.add_command(pause)
camera.add_command(resume)

POSTURE_VERBS = (history, calibrate, baselines, camera, snooze)
