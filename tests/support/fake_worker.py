"""A real worker process whose child analyses nothing: `python fake_worker.py ENDPOINT NODE INSTANCE THREADS`."""

import sys
from pathlib import Path

from posture_agent.worker.run import serve
from posture_agent.worker.settings import WorkerSettings
from posture_shared import log
from posture_shared.exits import run

CHILD = (sys.executable, str(Path(__file__).with_name("fake_analysis.py")))


def main() -> None:
    endpoint, node, instance, threads = sys.argv[1:5]
    idle_s = float(sys.argv[5]) if len(sys.argv) > 5 else 600
    log.setup()
    settings = WorkerSettings(master=endpoint, node_name=node, instance=instance, threads=int(threads), idle_s=idle_s)
    serve(settings, child=CHILD)


if __name__ == "__main__":
    run(main)
