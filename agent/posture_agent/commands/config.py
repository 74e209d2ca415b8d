"""`posture-agent config show`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from posture_shared.settings import Shown


@click.group()
def config() -> None:
    """Show settings and where they come from."""


@config.command()
@click.option("--role", type=click.Choice(["master", "worker"]), help="Of this role alone; else of both.")
@click.option("--config", "file", type=click.Path(path_type=Path, dir_okay=False), help="A TOML file to include.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def show(*, role: str | None, file: Path | None, as_json: bool) -> None:
    """Print the settings of master and worker, where each value came from, secrets masked."""
    shown = {one: _shown(one, file) for one in ("master", "worker") if role in (None, one)}
    if as_json:
        rows = [
            {"role": name, "name": s.name, "value": s.value, "source": s.source, "help": s.help}
            for name, lines in shown.items()
            for s in lines
        ]
        click.echo(json.dumps(rows, default=str))
        return
    width = max(len(line.name) for lines in shown.values() for line in lines)
    for name, lines in shown.items():
        click.echo(f"[{name}]")
        for line in lines:
            click.echo(f"{line.name:<{width}}  {_toml(line.value):<24}  {line.source}")


def _shown(role: str, file: Path | None) -> "list[Shown]":
    from posture_agent.settings import MasterSettings  # noqa: PLC0415 - imported when used
    from posture_agent.store.database import ALIASES  # noqa: PLC0415
    from posture_agent.worker.settings import WorkerSettings  # noqa: PLC0415
    from posture_shared import settings  # noqa: PLC0415

    if role == "master":
        return list(settings.load(MasterSettings, "master", config=file, aliases=ALIASES).shown())
    examples = {"master": "tcp://HOST:5570"}
    return list(settings.load(WorkerSettings, "worker", config=file, examples=examples).shown())


def _toml(value: object) -> str:
    return "-" if value is None else json.dumps(value, default=str, ensure_ascii=False)
