"""`posture-agent outbox`: what waits for PostgreSQL, and what it refused."""

import json
from pathlib import Path
from typing import Any

import click


@click.group()
def outbox() -> None:
    """Look into posture.db, also while the master runs."""


@outbox.command()
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Folder of posture.db.")
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="TOML file with a [master] table.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def status(data_dir: Path | None, config: Path | None, as_json: bool) -> None:  # noqa: FBT001 - click's way
    """Say how many rows wait for PostgreSQL, since when, and which ones it refused. Exit 1 where it refused some."""
    found = _status(_file(data_dir, config))
    if as_json:
        click.echo(json.dumps(found))
    else:
        click.echo(f"{found['rows']} rows wait, the oldest since {found['oldest'] or 'never'}")
        for row in found["refused"]:
            click.echo(f"refused {row['source']} {row['key']}: {row['reason']} (SQLSTATE {row['sqlstate']})")
    if found["refused"]:
        raise SystemExit(1)


def _file(data_dir: Path | None, config: Path | None) -> Path:
    from posture_agent.settings import MasterSettings  # noqa: PLC0415 - settings load slowly
    from posture_agent.store.outbox import FILE  # noqa: PLC0415
    from posture_shared import settings  # noqa: PLC0415

    loaded = settings.load(MasterSettings, "master", flags={"data_dir": data_dir}, config=config)
    return loaded.value.data_dir / FILE


def _status(file: Path) -> dict[str, Any]:
    import sqlite3  # noqa: PLC0415

    from posture_agent.store.reads import Reads  # noqa: PLC0415
    from posture_shared.exits import Exit, Stop  # noqa: PLC0415

    try:
        reads = Reads(file)
        backlog, refused = reads.backlog(), reads.refused()
        reads.close()
    except sqlite3.Error as error:
        raise Stop(f"{file} cannot be read: {error}; name the master's folder with --data-dir", Exit.USAGE) from None
    return {
        "file": str(file),
        "rows": backlog.rows,
        "oldest": backlog.oldest.isoformat() if backlog.oldest else None,
        "refused": refused,
    }
