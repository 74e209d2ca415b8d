"""`posture-agent master`."""

from pathlib import Path
from typing import Any

import click

from posture_shared.exits import Exit, Stop


@click.command()
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="TOML file with a [master] table.")
@click.option("--broker", metavar="HOST:PORT", help="MQTT broker.  [default: 127.0.0.1:1883]")
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Folder of posture.db and pictures.")
@click.option("--listen", metavar="ADDRESS", help="Address for workers and consoles.  [default: 127.0.0.1]")
@click.option("--worker-port", type=int, help="Port for workers.  [default: 5570]")
@click.option("--control-port", type=int, help="Port for consoles.  [default: 5571]")
@click.option("--events-port", type=int, help="Port for live events.  [default: 5572]")
@click.option("--metrics-listen", metavar="ADDRESS", help="Address for /metrics and health.  [default: 127.0.0.1]")
@click.option("--metrics-port", type=int, help="Port for /metrics, /healthz, /readyz.  [default: 9470]")
@click.option("--node-name", help="This node's name.  [default: the host's name]")
@click.option("--local-threads", type=int, help="Threads of the local worker, 0: none.  [default: all cores]")
@click.option("--model", type=click.Choice(["lite", "full", "heavy"]), help="Pose model.  [default: full]")
@click.option("--mode", type=click.Choice(["image", "video"]), help="Each frame alone, or tracking.  [default: image]")
@click.option("--load", metavar="psutil|script:FILE", help="Where the CPU figure comes from.  [default: psutil]")
@click.option("--insecure", is_flag=True, default=None, help="Listen beyond loopback without keys.")
def master(config: Path | None, broker: str | None, **flags: Any) -> None:
    """Receive frames from the broker, lease them to workers, store results, serve consoles."""
    from posture_agent.master.serve import serve  # noqa: PLC0415 - the master's imports cost a second
    from posture_agent.settings import MasterSettings  # noqa: PLC0415
    from posture_agent.store.database import ALIASES  # noqa: PLC0415
    from posture_shared import settings  # noqa: PLC0415

    loaded = settings.load(MasterSettings, "master", flags=flags | _address(broker), config=config, aliases=ALIASES)
    serve(loaded.value)


def _address(broker: str | None) -> dict[str, object]:
    """`HOST:PORT`, `HOST`, `[V6]:PORT` as flags for the broker's settings."""
    if broker is None:
        return {}
    host, colon, port = broker.rpartition(":")
    if not colon or (":" in host and not host.startswith("[")):
        host, port = broker, ""
    if port and not port.isdigit():
        raise Stop(f"flag --broker: '{broker}' is not HOST:PORT", Exit.USAGE)
    return {"broker.host": host.strip("[]"), "broker.port": int(port) if port else None}
