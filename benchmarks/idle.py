"""What idle programs cost: a worker on standby, a console that shows a quiet site, the master (`make bench`).

Real processes on free ports; each is left alone for some seconds, then measured. Exits with 1 where a limit is broken.
"""

import argparse
import json
import os
import pty
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
from ports import free_port

SETTLE_S = 8.0
LIMITS = {
    "worker on standby": {"rss_mb": 60.0, "cpu_percent": 1.0},
    "console": {"cpu_percent": 2.0},
    "master": {},
}


@contextmanager
def started(argv: Sequence[object], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as file:
        process = subprocess.Popen([str(part) for part in argv], stdout=file, stderr=file, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def in_terminal(argv: Sequence[object]) -> Iterator[int]:
    """A program in a pseudo terminal of 140×45 whose output is read and thrown away; yields its process id."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS="140", LINES="45")
        os.execvp(str(argv[0]), [str(part) for part in argv])  # noqa: S606 - no shell is meant
    reader = threading.Thread(target=_read_away, args=(terminal,), daemon=True)
    reader.start()
    try:
        yield pid
    finally:
        psutil.Process(pid).terminate()
        os.waitpid(pid, 0)


def _read_away(terminal: int) -> None:
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:
        return


def cost(pid: int, seconds: float) -> dict[str, float]:
    """CPU of one core in per cent over `seconds`, and resident memory, of the process and its descendants."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    before = sum(sum(one.cpu_times()[:2]) for one in family)
    time.sleep(seconds)
    after = sum(sum(one.cpu_times()[:2]) for one in family)
    rss = sum(one.memory_info().rss for one in family)
    return {"cpu_percent": round((after - before) / seconds * 100, 2), "rss_mb": round(rss / 1e6, 1)}


def wait_ready(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.2)
    raise SystemExit("the master was not ready within 60 s")


def measure(seconds: float) -> dict[str, dict[str, float]]:
    broker, worker, control, events, health = (free_port() for _ in range(5))
    agent = [sys.executable, "-m", "posture_agent"]
    console = Path(sys.executable).with_name("posture-console")
    with tempfile.TemporaryDirectory(prefix="posture-idle-") as name:
        folder = Path(name)
        log = folder / "log"
        configuration = folder / "mosquitto.conf"
        configuration.write_text(f"listener {broker} 127.0.0.1\nallow_anonymous true\n")
        ports = ["--worker-port", worker, "--control-port", control, "--events-port", events, "--metrics-port", health]
        master = [*agent, "master", "--broker", f"127.0.0.1:{broker}", "--data-dir", folder / "data", *ports]
        with (
            started(["mosquitto", "-c", configuration], log),
            started([*master, "--node-name", "orin", "--local-threads", "1"], log) as running,
        ):
            wait_ready(health)
            remote = [*agent, "worker", "--master", f"tcp://127.0.0.1:{worker}", "--node-name", "agx"]
            with (
                started(remote, log) as standby,
                in_terminal([console, "--connect", f"tcp://127.0.0.1:{control}"]) as tui,
            ):
                time.sleep(SETTLE_S)
                assert not psutil.Process(standby.pid).children(), "the worker is not on standby"
                measured = {"worker on standby": cost(standby.pid, seconds), "console": cost(tui, seconds)}
            family = psutil.Process(running.pid)
            measured["master"] = cost(family.pid, 0.5 * seconds)
    return measured


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--seconds", type=float, default=20.0, help="how long each is measured")
    arguments.add_argument("--json", action="store_true")
    given = arguments.parse_args()
    if shutil.which("mosquitto") is None:
        raise SystemExit("this benchmark needs mosquitto (Debian: apt-get install mosquitto)")
    measured = measure(given.seconds)
    broken = [
        f"{name}: {figure} {measured[name][figure]} over {limit}"
        for name, limits in LIMITS.items()
        for figure, limit in limits.items()
        if measured[name][figure] > limit
    ]
    if given.json:
        print(json.dumps({"idle": measured, "broken": broken}))
    else:
        for name, figures in measured.items():
            limits = ", ".join(f"{figure} ≤ {limit:g}" for figure, limit in LIMITS[name].items()) or "no limit"
            print(f"{name:<18} {figures['cpu_percent']:5.2f} % of a core, {figures['rss_mb']:6.1f} MB   ({limits})")
        for line in broken:
            print(f"over the limit: {line}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
