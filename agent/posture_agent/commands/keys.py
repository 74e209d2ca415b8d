"""`posture-agent keys create | list | revoke`, on the master's machine."""

from pathlib import Path
from typing import Any

import click

_config = click.option(
    "--config", type=click.Path(path_type=Path, dir_okay=False), help="TOML file with a [master] table."
)
_folder = click.option("--keys-dir", type=click.Path(path_type=Path, file_okay=False), help="Folder of the keys.")


@click.group("keys")
def keys() -> None:
    """Create, list and revoke keys.

    With the first key the master asks every worker and console for one. Copy NAME.key to where it is used.
    """


@keys.command()
@click.argument("name")
@click.option(
    "--role", required=True, type=click.Choice(["worker", "viewer", "operator", "master"]), help="What it may do."
)
@click.option("--node", help="For a worker: the node that it is for.")
@_config
@_folder
def create(name: str, role: Any, node: str | None, config: Path | None, keys_dir: Path | None) -> None:
    """Create a key pair and allow it; prints the file to copy to where it is used."""
    from posture_shared import keys as store  # noqa: PLC0415 - keeps --help fast

    folder = _keys_dir(config, keys_dir)
    fresh = store.master_pair(folder) is None
    pair = store.create(folder, name, role, node=node)
    file = store.key_file(folder, pair.name)
    if fresh:
        click.echo(
            f"made the master's own key {store.key_file(folder, store.MASTER)}; restart a running master", err=True
        )
    click.echo(f"{pair.role} {pair.name} {store.fingerprint(pair.public)}", err=True)
    click.echo(file)


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
@_config
@_folder
def list_keys(as_json: bool, config: Path | None, keys_dir: Path | None) -> None:  # noqa: FBT001 - click's flag
    """List the keys that are or were allowed, with their fingerprints."""
    import msgspec  # noqa: PLC0415 - keeps --help fast

    from posture_shared import keys as store  # noqa: PLC0415

    found = store.listed(_keys_dir(config, keys_dir))
    if as_json:
        shown = [msgspec.to_builtins(key) | {"fingerprint": key.fingerprint} for key in found]
        click.echo(msgspec.json.encode(shown).decode())
        return
    for key in found:
        end = "" if key.revoked is None else f"  revoked {key.revoked:%Y-%m-%d %H:%M}"
        click.echo(f"{key.fingerprint}  {key.role:<8}  {key.node or '-':<16}  {key.name}{end}")


@keys.command()
@click.argument("name")
@_config
@_folder
def revoke(name: str, config: Path | None, keys_dir: Path | None) -> None:
    """Revoke a key: a running master refuses it at once."""
    from posture_shared import keys as store  # noqa: PLC0415 - keeps --help fast

    key = store.revoke(_keys_dir(config, keys_dir), name)
    click.echo(f"revoked {key.role} {key.name} {key.fingerprint}", err=True)


def _keys_dir(config: Path | None, keys_dir: Path | None) -> Path:
    from posture_agent.settings import MasterSettings  # noqa: PLC0415 - keeps --help fast
    from posture_shared import settings  # noqa: PLC0415

    loaded = settings.load(MasterSettings, "master", flags={"keys_dir": keys_dir}, config=config)
    return Path(loaded.value.keys_dir).expanduser()
