"""`posture-agent outbox`: what waits for PostgreSQL, what it refused, and rows as a file."""

import json
from pathlib import Path
from typing import IO, Any, Literal

import click

_data_dir = click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Folder of posture.db.")
_config = click.option(
    "--config", type=click.Path(path_type=Path, dir_okay=False), help="TOML file with a [master] table."
)


@click.group()
def outbox() -> None:
    """Look into posture.db, also while the master runs; take rows out and in."""


@outbox.command()
@_data_dir
@_config
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


@outbox.command("export")
@click.argument("file", type=click.File("wb", lazy=False))
@click.option("--all", "everything", is_flag=True, help="Also rows that are in PostgreSQL already.")
@_data_dir
@_config
def export_(file: IO[bytes], everything: bool, data_dir: Path | None, config: Path | None) -> None:  # noqa: FBT001 - click's way
    """Write the rows that are not in PostgreSQL to FILE (- for stdout), one JSON object a line.

    The master may run. Pictures are not in the file: copy analyzed_images/ beside it.
    """
    import contextlib  # noqa: PLC0415 - keeps --help fast
    import sqlite3  # noqa: PLC0415

    from posture_agent.store import transfer  # noqa: PLC0415
    from posture_agent.store.outbox import open_reader  # noqa: PLC0415
    from posture_shared.exits import Exit, Stop  # noqa: PLC0415

    source, count = _file(data_dir, config), 0
    try:
        with contextlib.closing(open_reader(source)) as reader:
            for line in transfer.export(reader, everything=everything):
                file.write(line + b"\n")
                count += 1
        file.flush()
    except sqlite3.Error as error:
        raise Stop(f"{source} cannot be read: {error}; name the master's folder with --data-dir", Exit.USAGE) from None
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Stop(f"{getattr(file, 'name', '-')} cannot be written: {error.strerror}; {count} rows were") from None
    click.echo(f"{count} rows", err=True)


@outbox.command("import")
@click.argument("file", type=click.File("rb"))
@_data_dir
@_config
def import_(file: IO[bytes], data_dir: Path | None, config: Path | None) -> None:
    """Take in the rows that `outbox export` wrote to FILE (- for stdin); the master must be stopped.

    Rows that are there already stay as they are, so a file may be imported again.
    """
    import contextlib  # noqa: PLC0415 - keeps --help fast
    import sqlite3  # noqa: PLC0415

    from posture_agent.store import transfer  # noqa: PLC0415
    from posture_agent.store.outbox import Outbox  # noqa: PLC0415
    from posture_shared.exits import Exit, Stop  # noqa: PLC0415

    target = _file(data_dir, config)
    with contextlib.closing(Outbox(target.parent)) as opened, contextlib.closing(opened.writer()) as connection:
        try:
            done = transfer.load(connection, file)
        except transfer.BadLineError as error:
            raise Stop(
                f"{getattr(file, 'name', '-')}: {error}; what stands before it is imported", Exit.USAGE
            ) from None
        except sqlite3.Error as error:
            raise Stop(f"{target} cannot be written: {error}; import again when it can") from None
    click.echo(f"{done.new} rows imported, {done.known} were there already", err=True)


@outbox.command()
@_data_dir
@_config
def retry(data_dir: Path | None, config: Path | None) -> None:
    """Send the rows that PostgreSQL refused again, once the reason is gone. The master may run."""
    click.echo(f"{_parked(data_dir, config, 'retry')} rows will be sent again", err=True)


@outbox.command()
@_data_dir
@_config
def dismiss(data_dir: Path | None, config: Path | None) -> None:
    """Take it that PostgreSQL refused rows: they stay in posture.db alone, and the alarm ends. The master may run.

    `outbox export` goes on writing them until retention removes them.
    """
    click.echo(f"{_parked(data_dir, config, 'dismiss')} rows stay in posture.db alone", err=True)


def _parked(data_dir: Path | None, config: Path | None, act: Literal["retry", "dismiss"]) -> int:
    import sqlite3  # noqa: PLC0415 - keeps --help fast

    from posture_agent.store import parked  # noqa: PLC0415
    from posture_agent.store.writing import transaction, writing  # noqa: PLC0415
    from posture_shared.exits import Exit, Stop  # noqa: PLC0415

    target = _file(data_dir, config)
    try:
        with writing(target) as connection, transaction(connection):
            return parked.retry(connection) if act == "retry" else parked.dismiss(connection)
    except sqlite3.Error as error:
        raise Stop(
            f"{target} cannot be written: {error}; name the master's folder with --data-dir", Exit.USAGE
        ) from None


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
