"""`posture-agent config show`."""

import json
from pathlib import Path

import click


@click.group()
def config() -> None:
    """Show settings and where they come from."""


@config.command()
@click.option("--config", "file", type=click.Path(path_type=Path, dir_okay=False), help="A TOML file to include.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def show(file: Path | None, as_json: bool) -> None:  # noqa: FBT001 - click passes flags so
    """Print the master's settings, where each value came from, secrets masked."""
    from posture_agent.settings import MasterSettings  # noqa: PLC0415 - imported when used
    from posture_agent.store.database import ALIASES  # noqa: PLC0415
    from posture_shared import settings  # noqa: PLC0415

    loaded = settings.load(MasterSettings, "master", config=file, aliases=ALIASES)
    lines = list(loaded.shown())
    if as_json:
        rows = [{"name": s.name, "value": s.value, "source": s.source, "help": s.help} for s in lines]
        click.echo(json.dumps(rows, default=str))
        return
    width = max(len(line.name) for line in lines)
    for line in lines:
        click.echo(f"{line.name:<{width}}  {_toml(line.value):<24}  {line.source}")


def _toml(value: object) -> str:
    return "-" if value is None else json.dumps(value, default=str, ensure_ascii=False)
