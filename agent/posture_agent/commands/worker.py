"""`posture-agent worker`."""

import os
from pathlib import Path
from typing import Any

import click


@click.command()
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="TOML file with a [worker] table.")
@click.option("--master", metavar="tcp://HOST:5570", help="Where the master listens for workers.")
@click.option("--node-name", help="This node's name.  [default: the host's name]")
@click.option("--instance", help="Tells several workers of one node apart.  [default: main]")
@click.option("--threads", type=int, help="Frames analysed at once.  [default: all cores]")
@click.option("--model", type=click.Choice(["lite", "full", "heavy"]), help="Pose model.  [default: full]")
@click.option("--mode", type=click.Choice(["image", "video"]), help="Each frame alone, or tracking.  [default: image]")
@click.option("--load", metavar="psutil|script:FILE", help="Where the CPU figure comes from.  [default: psutil]")
@click.option("--key", type=click.Path(path_type=Path, dir_okay=False), help="This worker's key file.")
@click.option("--metrics-listen", metavar="ADDRESS", help="Address for /metrics and health.  [default: 127.0.0.1]")
@click.option("--metrics-port", metavar="PORT|off", help="Port for /metrics, /healthz, /readyz.  [default: 9471]")
@click.option("--parent-pid", type=int, hidden=True, help="The master that started this worker: end with it.")
def worker(config: Path | None, parent_pid: int | None, **flags: Any) -> None:
    """Join a master, report this node's load, analyse the frames that are leased to this worker."""
    from posture_agent.worker.old_way import with_hint  # noqa: PLC0415 - keeps --help fast
    from posture_agent.worker.run import serve  # noqa: PLC0415
    from posture_agent.worker.settings import WorkerSettings  # noqa: PLC0415
    from posture_shared import log, settings  # noqa: PLC0415
    from posture_shared.exits import Stop  # noqa: PLC0415

    try:
        given = settings.load(WorkerSettings, "worker", flags=flags, config=config).value
    except Stop as stop:
        raise with_hint(stop, os.environ) from None
    log.setup(style=given.log_format, level=given.log_level)
    serve(given, parent_pid=parent_pid)
