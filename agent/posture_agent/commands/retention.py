"""`posture-agent retention`: remove what is too old or too much, or say what would go."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections import Counter

    from posture_agent.settings import MasterSettings


_DAYS = click.FloatRange(min=1, max=36500)


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go; also while the master runs.")
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Folder of posture.db.")
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="TOML file with a [master] table.")
@click.option("--admin-url", metavar="URL", help="In PostgreSQL instead: postgresql://USER@HOST/DATABASE of the owner.")
@click.option("--days", type=_DAYS, default=365, show_default=True, help="In PostgreSQL: what is older goes.")
@click.option(
    "--bad-days", type=_DAYS, help="In PostgreSQL: the same for bad posture and episodes; default twice --days."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def retention(
    *,
    dry_run: bool,
    data_dir: Path | None,
    config: Path | None,
    admin_url: str | None,
    days: float,
    bad_days: float | None,
    as_json: bool,
) -> None:
    """Remove pictures and rows that are due by the settings `store.*`.

    A running master does this by itself every few minutes; this is for a look ahead, or for a master that is
    stopped. Rows in PostgreSQL are removed only with --admin-url, and then nothing here; by hand, by a timer, or inside
    the database by pg_cron (posture_remove_old).
    """
    from posture_agent.settings import MasterSettings  # noqa: PLC0415 - settings load slowly
    from posture_agent.store.database import ALIASES  # noqa: PLC0415
    from posture_shared import log, settings  # noqa: PLC0415

    log.setup(level="warning")
    loaded = settings.load(MasterSettings, "master", flags={"data_dir": data_dir}, config=config, aliases=ALIASES)
    if admin_url is not None:
        found = _in_database(admin_url, loaded.value, days, bad_days or 2 * days, dry_run=dry_run)
    else:
        found = _look(loaded.value) if dry_run else _remove(loaded.value)
    if as_json:
        click.echo(json.dumps(dict(sorted(found.items()))))
        return
    for name, count in sorted(found.items()):
        click.echo(f"{name:<18}  {count}")
    if not found:
        click.echo("nothing is due")


def _look(settings: "MasterSettings") -> "Counter[str]":
    import contextlib  # noqa: PLC0415 - keeps --help fast
    import sqlite3  # noqa: PLC0415
    from datetime import UTC, datetime  # noqa: PLC0415

    from posture_agent.store.outbox import FILE, open_reader  # noqa: PLC0415
    from posture_agent.store.retention import would_go  # noqa: PLC0415
    from posture_shared.exits import Exit, Stop  # noqa: PLC0415

    file = settings.data_dir / FILE
    try:
        with contextlib.closing(open_reader(file)) as reader:
            return would_go(settings.keeping, settings.data_dir, reader, datetime.now(UTC))
    except sqlite3.Error as error:
        raise Stop(f"{file} cannot be read: {error}; name the master's folder with --data-dir", Exit.USAGE) from None


def _remove(settings: "MasterSettings") -> "Counter[str]":
    import contextlib  # noqa: PLC0415 - keeps --help fast
    import sqlite3  # noqa: PLC0415

    from posture_agent.store.outbox import FILE, Outbox  # noqa: PLC0415
    from posture_agent.store.retention import DirectWriter, Retention  # noqa: PLC0415
    from posture_shared.exits import Exit, Stop  # noqa: PLC0415

    folder = settings.data_dir
    if not (folder / FILE).is_file():
        raise Stop(f"there is no {folder / FILE}; name the master's folder with --data-dir", Exit.USAGE)
    try:
        outbox = Outbox(folder)
    except Stop as stop:
        if stop.code is not Exit.UNREACHABLE:
            raise
        minutes = settings.store.every_minutes
        raise Stop(
            f"the master that uses {folder} does this itself every {minutes:g} minutes; --dry-run shows what is due",
            Exit.UNREACHABLE,
        ) from None
    with contextlib.closing(outbox), contextlib.closing(DirectWriter(outbox)) as writer:
        try:
            return Retention(settings.keeping, outbox=outbox, writer=writer).once()
        except (OSError, sqlite3.Error) as error:
            raise Stop(f"what is due in {folder} could not all be removed: {error}") from None


def _in_database(
    url: str, settings: "MasterSettings", days: float, bad_days: float, *, dry_run: bool
) -> "Counter[str]":
    from posture_agent.store.admin import owner  # noqa: PLC0415 - psycopg2 is loaded only when used
    from posture_agent.store.database_retention import remove_old  # noqa: PLC0415

    zone = settings.database.time_zone
    with owner(url, verb="retention", trouble="old rows in PostgreSQL stay") as link:
        return remove_old(link, days=days, bad_days=bad_days, zone=zone, dry_run=dry_run)
