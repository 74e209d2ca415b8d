"""`posture-agent install`: a master or a worker as a systemd service."""

import sys
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from posture_shared.install_report import options

if TYPE_CHECKING:
    from posture_shared.installation import Program

_HEAD: Final = """Settings of the Posture Edge {0}, written once by `posture-agent install`.
Every setting stands here with its default; take the # away to change one. Passwords and keys do not belong here but in
files of their own: see the folder credentials/ beside this file.
`posture-agent config show --role {0}` says what holds; docs/configuration.md has it all."""


@click.command()
@options
@click.option("--worker", is_flag=True, help="Install a worker; else a master.")
@click.option("--master", metavar="tcp://HOST:5570", help="With --worker: where the master listens for workers.")
@click.option("--broker", metavar="HOST", help="Of a master: the MQTT broker.")
def install(*, worker: bool, master: str | None, broker: str | None, root: Path, dry_run: bool) -> None:
    """Make a systemd service of the master or a worker: unit, user, folders, commented configuration.

    Run it as root from a virtual environment of its own, e.g. /opt/posture. It may be run again after each upgrade:
    configuration and credentials that are there stay as they are.
    """
    from posture_shared.exits import Exit, Stop  # noqa: PLC0415 - keeps --help fast
    from posture_shared.install_report import carry_out  # noqa: PLC0415

    if worker and not master:
        raise Stop("--master tcp://HOST:5570 is missing: where does this worker's master listen?", Exit.USAGE)
    program = _worker(master) if worker else _master(broker)
    carry_out(program, root=root, dry_run=dry_run, before_start=list(_before_start(program)))


def _master(broker: str | None) -> "Program":
    from posture_agent.settings import MasterSettings  # noqa: PLC0415 - keeps --help fast
    from posture_shared.installation import STATE, Program  # noqa: PLC0415
    from posture_shared.settings_file import commented  # noqa: PLC0415

    given = {"data_dir": STATE, "keys_dir": STATE / "keys", "broker.host": broker}
    text = commented(MasterSettings, "master", head=_HEAD.format("master"), given=given)
    return Program("master", _unit("posture-master"), text, ("broker.password", "database.password"))


def _worker(master: str | None) -> "Program":
    from posture_agent.worker.settings import WorkerSettings  # noqa: PLC0415 - keeps --help fast
    from posture_shared.installation import Program  # noqa: PLC0415
    from posture_shared.settings_file import commented  # noqa: PLC0415

    text = commented(WorkerSettings, "worker", head=_HEAD.format("worker"), given={"master": master})
    return Program("worker", _unit("posture-worker"), text, ("key",))


def _unit(name: str) -> str:
    return resources.files("posture_agent").joinpath("services", f"{name}.service").read_text(encoding="utf-8")


def _before_start(program: "Program") -> list[str]:
    from posture_shared.install_report import as_its_unit, as_service, credential  # noqa: PLC0415 - keeps --help fast
    from posture_shared.installation import CONFIGURATION  # noqa: PLC0415

    agent = f"{sys.prefix}/bin/posture-agent"
    model = as_service(f"{agent} model install")
    look = as_its_unit(program, f"{agent} doctor{' --worker' if program.name == 'worker' else ''}")
    file = CONFIGURATION / f"{program.name}.toml"
    if program.name == "worker":
        key = "on the master: posture-agent keys create NAME --role worker --node NODE; copy NAME.key here as"
        return [f"edit {file}", f"{key} {CONFIGURATION}/credentials/worker/key", model, look]
    return [
        f"edit {file}: broker, database",
        f"the passwords: {credential(program, 'broker.password')}; likewise database.password",
        model,
        as_service(f"{agent} keys create NAME --role worker|operator|viewer") + ", for each that joins from elsewhere",
        look,
    ]
