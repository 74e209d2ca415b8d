"""`posture-agent doctor`: what is not well around a master or a worker, and what to do."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from posture_shared.checks import Check

_ROOM_BYTES: Final = 64 * 1024 * 1024
"""What a worker's node needs: the model may be installed anew."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="A TOML file to include.")
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="The master's folder.")
@click.option("--worker", is_flag=True, help="Look at what a worker's node needs, by the [worker] settings.")
@click.option("--master", metavar="tcp://HOST:5570", help="With --worker: where the master listens for workers.")
def doctor(*, as_json: bool, config: Path | None, data_dir: Path | None, worker: bool, master: str | None) -> int:
    """Look at everything that the program needs; one line each with what to do. Exit 1 when something is not well.

    The master may run meanwhile. Nothing is changed.
    """
    from posture_shared.checks import examine, report  # noqa: PLC0415 - keeps --help fast

    checks = _of_worker(config, master) if worker else _of_master(config, data_dir)
    return report(examine(checks), as_json=as_json)


def _of_master(config: Path | None, data_dir: Path | None) -> "list[Check]":
    from functools import partial  # noqa: PLC0415 - keeps --help fast

    from posture_agent.doctor import around_master, broker, database, kubernetes, queue  # noqa: PLC0415
    from posture_agent.settings import MasterSettings  # noqa: PLC0415
    from posture_agent.store.database import ALIASES  # noqa: PLC0415
    from posture_shared import machine_checks, settings  # noqa: PLC0415
    from posture_shared.checks import Check  # noqa: PLC0415

    flags = {"data_dir": data_dir}
    chosen = settings.load(MasterSettings, "master", flags=flags, config=config, aliases=ALIASES).value
    return [
        Check("installation", machine_checks.installation),
        *(_of_analysis(chosen.model) if chosen.local_threads else [Check("clock", machine_checks.clock)]),
        Check("broker", partial(broker.broker, chosen.broker)),
        Check("broker queue", partial(queue.queue, chosen.broker)),
        Check("database", partial(database.database, chosen.database)),
        Check("data folder", partial(around_master.data_folder, chosen)),
        Check("ports", partial(around_master.ports, chosen)),
        Check("keys", partial(around_master.master_keys, chosen)),
        Check("kubernetes", partial(kubernetes.kubernetes, chosen.kube)),
    ]


def _of_worker(config: Path | None, master: str | None) -> "list[Check]":
    from functools import partial  # noqa: PLC0415 - keeps --help fast

    from posture_agent.analysis import model  # noqa: PLC0415
    from posture_agent.doctor import node  # noqa: PLC0415
    from posture_agent.worker.settings import WorkerSettings  # noqa: PLC0415
    from posture_shared import machine_checks, settings  # noqa: PLC0415
    from posture_shared.checks import Check  # noqa: PLC0415

    chosen = settings.load(WorkerSettings, "worker", flags={"master": master}, config=config).value
    return [
        Check("installation", machine_checks.installation),
        *_of_analysis(chosen.model),
        Check("disk", partial(machine_checks.disk, "disk", model.model_folder(), least_bytes=_ROOM_BYTES)),
        Check("master", partial(node.master_reached, chosen.master)),
        Check("key", partial(machine_checks.key, "key", chosen.key)),
    ]


def _of_analysis(variant: str) -> "list[Check]":
    from functools import partial  # noqa: PLC0415 - keeps --help fast

    from posture_agent.doctor import node  # noqa: PLC0415
    from posture_shared import machine_checks  # noqa: PLC0415
    from posture_shared.checks import Check  # noqa: PLC0415

    return [
        Check("cpu", machine_checks.cpu),
        Check("clock", machine_checks.clock),
        Check("model", partial(node.pose_model, variant)),
        Check("library cv2", partial(machine_checks.library, "cv2")),
        Check("library mediapipe", partial(machine_checks.library, "mediapipe")),
    ]
