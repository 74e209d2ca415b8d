"""A real worker on what looks like a Jetson: `python jetson_worker.py SYS MASTER-PORT METRICS-PORT`.

SYS is made to hold a thermal zone and a GPU as the kernel of one shows them; everything else is real.
"""

import sys
from pathlib import Path

from posture_agent import telemetry
from posture_agent.worker.run import serve
from posture_agent.worker.settings import WorkerSettings
from posture_shared import log
from posture_shared.exits import run


def main() -> None:
    system, master_port, metrics_port = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    for name, content in (
        ("class/thermal/thermal_zone0/type", "CPU-therm"),
        ("class/thermal/thermal_zone0/temp", "51500"),
        ("devices/gpu.0/load", "375"),
    ):
        (system / name).parent.mkdir(parents=True, exist_ok=True)
        (system / name).write_text(content)
    idle = system / "idle"
    idle.write_text("0 5\n")
    telemetry._SYS = system  # type: ignore[misc]
    log.setup()
    serve(
        WorkerSettings(
            master=f"tcp://127.0.0.1:{master_port}",
            node_name="agx",
            threads=1,
            model="full",
            load=f"script:{idle}",
            metrics_port=metrics_port,
        )
    )


if __name__ == "__main__":
    run(main)
