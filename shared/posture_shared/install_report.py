"""What `install` says: what became of each part, and what to do next."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from posture_shared import installation
from posture_shared.installation import CONFIGURATION, STATE, USER, Program

_GROUPS: Final = re.compile(r"^SupplementaryGroups=.*$", re.MULTILINE)
_WORDS: Final = {"made": "made", "renewed": "renewed", "kept": "kept, as edited", "there": "there"}


def options(command: Any) -> Any:
    """The flags that every `install` has."""
    path = click.Path(path_type=Path, file_okay=False)
    command = click.option("--dry-run", is_flag=True, help="Say what would be done, change nothing.")(command)
    return click.option(
        "--root", type=path, default=Path("/"), metavar="DIR", help="Lay everything out below DIR, for an image."
    )(command)


def carry_out(program: Program, *, root: Path, dry_run: bool, before_start: Sequence[str]) -> None:
    """Install `program` and say so. `before_start`: commands and edits that come before the service's first start."""
    prefix = installation.require_environment()
    steps = installation.plan(program, prefix=prefix, systemd=installation.systemd_version())
    for what, path in installation.install(steps, root=root.absolute(), dry_run=dry_run):
        would = "would be " if dry_run and what in ("made", "renewed") else ""
        click.echo(f"{would + _WORDS[what]:<17} {path}")
    click.echo("")
    click.echo("nothing was changed (--dry-run); after installing:" if dry_run else "next:")
    start = f"systemctl enable --now {program.service} && systemctl status {program.service}"
    for number, step in enumerate((*before_start, start), start=1):
        click.echo(f"  {number}. {step}")


def credential(program: Program, name: str) -> str:
    """How a password is put where only root and the service read it, without its being typed into a command line."""
    return f'read -rs P; printf %s "$P" > {CONFIGURATION}/credentials/{program.name}/{name}; unset P'


def as_service(command: str) -> str:
    """A command of ours as the service's user, who has to own what it makes."""
    return f"runuser -u {USER} -- env HOME={STATE} {command}"


def as_its_unit(program: Program, command: str) -> str:
    """A command of ours with the user, groups, passwords and keys that the service has, to see what that sees."""
    secrets = f"{CONFIGURATION}/credentials/{program.name}"
    given = [f"User={USER}", *_GROUPS.findall(program.unit)]
    given += [f"LoadCredential={name}:{secrets}/{name}" for name in program.credentials]
    return " -p ".join(("systemd-run --quiet --pipe", *given)) + f" {command}"
