"""`posture-agent forget`: remove what a camera saw in a span of time, everywhere that it can be reached."""

import json
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from posture_shared.exits import Exit, Stop

if TYPE_CHECKING:
    from posture_agent.settings import MasterSettings
    from posture_agent.store.forgetting import Found, Span

_IN_FLIGHT_S: Final = 2.0
"""Rows that a running master had just read for PostgreSQL have arrived there after this time."""


class Moment(click.ParamType[datetime]):
    """A time; without a zone it is this machine's."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The moment that `value` names."""
        try:
            return datetime.fromisoformat(value).astimezone()
        except (ValueError, OverflowError, TypeError):
            self.fail(f"'{str(value)[:40]}' is not a time such as 2026-03-29T08:30 or 2026-03-29T08:30Z", param, ctx)


@click.command()
@click.option("--camera", metavar="ID", required=True, help="The camera.")
@click.option("--since", type=Moment(), required=True, help="First picture, e.g. 2026-03-29T08:30.")
@click.option("--until", type=Moment(), required=True, help="Pictures before this time.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--admin-url", metavar="URL", help="Also in PostgreSQL: postgresql://USER@HOST/DATABASE of the owner.")
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Folder of posture.db and pictures.")
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="TOML file with a [master] table.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def forget(
    *,
    camera: str,
    since: datetime,
    until: datetime,
    dry_run: bool,
    admin_url: str | None,
    data_dir: Path | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Remove a camera's rows, pictures, episodes and baselines of a span of time, and leave an audit line.

    The camera itself is told, so that it removes such frames from its spool. The master may run; stop it where not
    even consoles may show the last results once more. Run it again whenever it was interrupted.
    """
    from posture_agent.settings import MasterSettings  # noqa: PLC0415 - settings load slowly
    from posture_agent.store.database import ALIASES  # noqa: PLC0415
    from posture_agent.store.forgetting import Span  # noqa: PLC0415
    from posture_shared import settings as sources  # noqa: PLC0415
    from posture_shared.frame import valid_pi_id  # noqa: PLC0415

    if not valid_pi_id(camera):
        raise Stop(f"'{camera[:80]}' is not a camera's name", Exit.USAGE)
    if until <= since:
        raise Stop(f"--until ({until.isoformat()}) is not after --since ({since.isoformat()})", Exit.USAGE)
    settings = sources.load(
        MasterSettings, "master", flags={"data_dir": data_dir}, config=config, aliases=ALIASES
    ).value
    done = _forget(settings, Span(camera, since, until), admin_url, dry_run=dry_run)
    if as_json:
        click.echo(json.dumps(done))
    else:
        _say(done, dry_run=dry_run)


def _forget(settings: "MasterSettings", span: "Span", admin_url: str | None, *, dry_run: bool) -> dict[str, Any]:
    """Camera first, so that nothing more comes from there; the audit last, with what was done."""
    from posture_agent.store.outbox import FILE, in_use  # noqa: PLC0415 - see forget

    file = settings.data_dir / FILE
    running = in_use(settings.data_dir)
    told = None if dry_run else _tell_camera(settings, span)
    here = _here(file, span, dry_run=dry_run)
    if running and admin_url is not None and not dry_run:
        time.sleep(_IN_FLIGHT_S)
    there = None if admin_url is None else _in_database(admin_url, settings, span, dry_run=dry_run)
    notes = []
    if told is not None:
        notes.append(f"the camera could not be told ({told}): what it still keeps stays there until it was sent")
    if running and not dry_run:
        notes.append("a master runs on this folder: consoles show the last results until it is started again")
    if there is None and settings.database.configured:
        notes.append("rows in PostgreSQL stay: run this again with --admin-url")
    done = {
        "camera": span.pi_id,
        "since": span.since.isoformat(),
        "until": span.until.isoformat(),
        "here": here._asdict(),
        "database": None if there is None else there._asdict(),
        "notes": notes,
    }
    if not dry_run:
        _audit(file, span, done)
    return done


def _here(file: Path, span: "Span", *, dry_run: bool) -> "Found":
    import contextlib  # noqa: PLC0415 - see forget
    import sqlite3  # noqa: PLC0415

    from posture_agent.store import forgetting  # noqa: PLC0415
    from posture_agent.store.outbox import open_reader  # noqa: PLC0415

    try:
        if dry_run:
            with contextlib.closing(open_reader(file)) as reader:
                return forgetting.look(reader, file.parent, span)
        return forgetting.forget(file, span)
    except sqlite3.Error as error:
        raise Stop(
            f"{file} cannot be worked on: {error}; name the master's folder with --data-dir, or stop the master and "
            "run this again",
            Exit.USAGE,
        ) from None
    except OSError as error:
        raise Stop(f"{error.filename} cannot be removed: {error.strerror}; run this as the master's user") from None


def _in_database(url: str, settings: "MasterSettings", span: "Span", *, dry_run: bool) -> "Found":
    from posture_agent.store import forgetting  # noqa: PLC0415 - see forget
    from posture_agent.store.admin import owner  # noqa: PLC0415

    with owner(url, verb="forget", trouble="rows in PostgreSQL stay") as link:
        return forgetting.forget_in_database(link, span, zone=settings.database.time_zone, dry_run=dry_run)


def _tell_camera(settings: "MasterSettings", span: "Span") -> str | None:
    """Publish the order; None where the broker has it, else why not."""
    from posture_agent.broker.once import publish_once  # noqa: PLC0415 - see forget

    order = {"forget": {"since": span.since.isoformat(), "until": span.until.isoformat()}}
    return publish_once(settings.broker, f"control/{span.pi_id}", json.dumps(order).encode())


def _audit(file: Path, span: "Span", done: dict[str, Any]) -> None:
    from posture_agent.settings import local_author  # noqa: PLC0415 - see forget
    from posture_agent.store import forgetting  # noqa: PLC0415
    from posture_shared.frame import new_id  # noqa: PLC0415

    forgetting.audit(file, new_id(), author=local_author(), span=span, answer=done)


def _say(done: dict[str, Any], *, dry_run: bool) -> None:
    would = "would be removed" if dry_run else "removed"
    for place, name in (("here", "posture.db"), ("database", "PostgreSQL")):
        if done[place] is not None:
            counts = ", ".join(f"{count} {what}" for what, count in done[place].items())
            click.echo(f"{would} from {name}: {counts}")
    for note in done["notes"]:
        click.echo(note, err=True)
