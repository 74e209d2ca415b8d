"""The verb `keys`, for the command line: keys that this console may use."""

from pathlib import Path

import click

from posture_console.commands.options import Chosen
from posture_console.commands.verb import verb


@click.group()
def keys() -> None:
    """Keys with which masters know this console."""


@verb("import")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
def import_(chosen: Chosen, *, file: Path) -> None:
    """Take a key made by `posture-agent keys create` into this user's configuration, readable by nobody else."""
    from posture_console.headless.output import say_facts, say_json  # noqa: PLC0415 - see visited
    from posture_console.links.handshake import imported  # noqa: PLC0415 - see visited
    from posture_shared.keys import fingerprint  # noqa: PLC0415 - see visited

    pair, place = imported(file, chosen.loaded().value.keys_dir)
    if chosen.as_json:
        say_json({"name": pair.name, "role": pair.role, "fingerprint": fingerprint(pair.public), "file": str(place)})
        return
    say_facts(
        [
            ("key", f"{pair.name}, role {pair.role}, {fingerprint(pair.public)}"),
            ("kept", str(place)),
            ("use", f'--key {pair.name}, or key = "{pair.name}" in the site\'s context'),
            ("now", f"delete {file}: whoever has it is {pair.name}"),
        ]
    )


keys.add_command(import_)
