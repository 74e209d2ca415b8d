"""Everything at work for a long time: memory, files, threads stay; counters add up; rows = frames (`make soak`).

Real processes on free ports with real MediaPipe: two cameras, broker, master with its worker and analysis, a second
worker on standby, a console in a terminal. Ten minutes; `--hours 8` for a night. Exits with 1 where a limit is broken.
"""

import argparse
import csv
import json
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from idle import in_terminal, started, wait_ready
from ports import free_port

LOOK_S = 5.0
WARM_PART = 0.4
"""Of a short run: what is there at 4 of 10 minutes is measured against the end."""
WARM_S = 600.0
"""Of a long one."""
GROWTH_MB = 5.0
GROWTH_MB_PER_HOUR = 1.0
LONG_S = 3600.0
CAMERAS = 2
DONE_S = 120.0
MOSQUITTO = "listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0\n"


class Look(NamedTuple):
    """What one program has at one time."""

    at_s: float
    rss_mb: float
    fds: int
    threads: int


Looks = dict[str, list[Look]]


class Site(NamedTuple):
    """What runs. `publishers` end by themselves when they are told to."""

    folder: Path
    control: int
    processes: dict[str, psutil.Process]
    publishers: list[subprocess.Popen[bytes]]


def draw_pictures(folder: Path) -> None:
    """A person who leans a little more from one to the next, so that no camera is taken for frozen."""
    import cv2

    from posture_publisher.sources.drawing import draw

    folder.mkdir()
    for number in range(20):
        image = draw(5.0 + number, 2.0 + number / 2, "right", "desk", (640, 480)).image
        cv2.imwrite(str(folder / f"{number:02d}.jpg"), image)


@contextmanager
def site(folder: Path, fps: float, model: str) -> Iterator[Site]:
    """The whole system, warm: the first row is there."""
    broker, worker, control, events, health = (free_port() for _ in range(5))
    agent, bin_ = [sys.executable, "-m", "posture_agent"], Path(sys.executable).parent
    log, configuration, pictures = folder / "log", folder / "mosquitto.conf", folder / "pictures"
    configuration.write_text(MOSQUITTO.format(port=broker))
    draw_pictures(pictures)
    ports = ["--worker-port", worker, "--control-port", control, "--events-port", events, "--metrics-port", health]
    own = ["--node-name", "orin", "--local-threads", "1", "--model", model, "--load", f"script:{folder / 'calm'}"]
    (folder / "calm").write_text("0 20\n")
    with ExitStack() as running:
        running.enter_context(started(["mosquitto", "-c", configuration], log))
        master = [*agent, "master", "--broker", f"127.0.0.1:{broker}", "--data-dir", folder / "data", *ports, *own]
        parent = running.enter_context(started(master, log))
        wait_ready(health)
        remote = [*agent, "worker", "--master", f"tcp://127.0.0.1:{worker}", "--node-name", "agx", "--model", model]
        standby = running.enter_context(started(remote, log))
        tui = running.enter_context(in_terminal([bin_ / "posture-console", "--connect", f"tcp://127.0.0.1:{control}"]))
        publishers = []
        for number in range(CAMERAS):
            name = f"pi{number}"
            source = ["--source", f"dir:{pictures}", "--loop", "--fps", fps / CAMERAS]
            kept = ["--spool", folder / "spool", "--ledger", folder / f"{name}.ledger"]
            command = [bin_ / "posture-publisher", "run", "--pi-id", name, "--broker", f"127.0.0.1:{broker}"]
            publishers.append(running.enter_context(started([*command, *source, *kept], log)))
        until(lambda: rows(folder) > 0, 120, "the first row")
        (local,) = psutil.Process(parent.pid).children()
        (child,) = local.children()
        processes = {
            "master": psutil.Process(parent.pid),
            "worker": local,
            "analysis": child,
            "worker on standby": psutil.Process(standby.pid),
            "console": psutil.Process(tui),
            **{f"publisher {n}": psutil.Process(one.pid) for n, one in enumerate(publishers, start=1)},
        }
        yield Site(folder, control, processes, publishers)


def until(condition: Any, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"after {seconds:g} s still not: {what}")
        time.sleep(0.5)


def rows(folder: Path) -> int:
    file = folder / "data" / "posture.db"
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        return int(database.execute("SELECT count(*) FROM posture_log").fetchone()[0])
    return 0


def frames(folder: Path) -> int:
    return sum(len(file.read_text().splitlines()) for file in folder.glob("*.ledger"))


def look(process: psutil.Process, at_s: float) -> Look:
    with process.oneshot():
        return Look(at_s, round(process.memory_info().rss / 2**20, 2), process.num_fds(), process.num_threads())


def watch(running: Site, seconds: float) -> Looks:
    """All programs, each few seconds. One that is gone or was started again ends the run."""
    seen: Looks = defaultdict(list)
    began = time.monotonic()
    with (running.folder / "soak.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["program", *Look._fields])
        while (at_s := time.monotonic() - began) < seconds:
            for name, process in running.processes.items():
                try:
                    seen[name].append(look(process, round(at_s, 1)))
                except psutil.Error:
                    raise SystemExit(f"the {name} ended after {at_s:.0f} s: {tail(running.folder)}") from None
                table.writerow([name, *seen[name][-1]])
            file.flush()
            time.sleep(LOOK_S)
    return seen


def tail(folder: Path) -> str:
    return "\n".join((folder / "log").read_text(errors="replace").splitlines()[-20:])


def level(looks: Sequence[Look], of: str, around_s: float, width_s: float) -> float:
    """The median of a figure in the time before `around_s`."""
    return statistics.median(float(getattr(one, of)) for one in looks if around_s - width_s <= one.at_s <= around_s)


def mb_per_hour(looks: Sequence[Look], from_s: float) -> float:
    """The slope of the line through the memory after `from_s`."""
    later = [one for one in looks if one.at_s >= from_s]
    line = statistics.linear_regression([one.at_s / 3600 for one in later], [one.rss_mb for one in later])
    return float(line.slope)


def judge(seen: Looks, seconds: float) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Figures of each program, and what is over a limit."""
    long = seconds >= LONG_S
    warm_s = WARM_S if long else WARM_PART * seconds
    width_s = min(60.0, warm_s / 2)
    figures: dict[str, dict[str, float]] = {name: {} for name in seen}
    broken = []
    for name, looks in seen.items():
        end_s = looks[-1].at_s
        found = {
            of: (level(looks, of, warm_s, width_s), level(looks, of, end_s, width_s))
            for of in ("rss_mb", "fds", "threads")
        }
        figures[name] = {
            f"{of}_{when}": both[at] for of, both in found.items() for at, when in enumerate(("warm", "end"))
        }
        grown = found["rss_mb"][1] - found["rss_mb"][0]
        if long:
            figures[name]["mb_per_hour"] = round(mb_per_hour(looks, warm_s), 2)
            if figures[name]["mb_per_hour"] > GROWTH_MB_PER_HOUR:
                broken.append(f"{name}: grows by {figures[name]['mb_per_hour']} MB an hour, limit {GROWTH_MB_PER_HOUR}")
        elif grown > GROWTH_MB:
            broken.append(f"{name}: grew by {grown:.1f} MB, limit {GROWTH_MB}")
        broken += [
            f"{name}: {of} went from {found[of][0]:g} to {found[of][1]:g}"
            for of in ("fds", "threads")
            if found[of][0] != found[of][1]
        ]
    return figures, broken


def counters(control: int) -> dict[str, Any]:
    console = Path(sys.executable).with_name("posture-console")
    command = [str(console), "status", "--json", "--connect", f"tcp://127.0.0.1:{control}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # 1: an alarm is open
    found: dict[str, Any] = json.loads(done.stdout)["counters"]
    return found


def books(running: Site) -> tuple[dict[str, int], list[str]]:
    """End the cameras, wait for their last frame, and count."""
    for publisher in running.publishers:
        publisher.terminate()
    for publisher in running.publishers:
        publisher.wait(60)
    published = frames(running.folder)
    with suppress(SystemExit):
        until(lambda: rows(running.folder) >= published, DONE_S, "a row for each frame")
    said = counters(running.control)
    found = {name: int(said[name]) for name in ("received", "rows", "repeats", "in_flight", "rejected")}
    found |= {"published": published, "rows_on_disk": rows(running.folder)}
    broken = []
    if found["received"] != found["rows"] + found["repeats"] + found["in_flight"] + found["rejected"]:
        broken.append(f"the counters do not add up: {found}")
    if not found["published"] == found["rows"] == found["rows_on_disk"]:
        broken.append(f"frames and rows differ: {found}")
    return found, broken


def soak(seconds: float, fps: float, model: str, keep: Path | None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="posture-soak-") as name, site(Path(name), fps, model) as running:
        seen = watch(running, seconds)
        count, broken = books(running)
        if keep is not None:
            shutil.copy(running.folder / "soak.csv", keep)
    figures, grown = judge(seen, seconds)
    return {
        "seconds": seconds,
        "fps": round(count["rows"] / seconds, 1),
        "counters": count,
        "programs": figures,
        "broken": [*broken, *grown],
    }


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--minutes", type=float, default=10.0)
    arguments.add_argument("--hours", type=float, help="instead of minutes")
    arguments.add_argument("--fps", type=float, default=100.0, help="of all cameras; more than is done: full rate")
    arguments.add_argument("--model", choices=["lite", "full", "heavy"], default="full")
    arguments.add_argument("--csv", type=Path, help="keep every measurement here")
    arguments.add_argument("--json", action="store_true")
    given = arguments.parse_args()
    if shutil.which("mosquitto") is None:
        raise SystemExit("this benchmark needs mosquitto (Debian: apt-get install mosquitto)")
    seconds = given.hours * 3600 if given.hours else given.minutes * 60
    found = soak(seconds, given.fps, given.model, given.csv)
    if given.json:
        print(json.dumps(found))
    else:
        print(f"{found['seconds'] / 60:g} min at {found['fps']} frames/s; {found['counters']}")
        for name, one in found["programs"].items():
            slope = f", {one['mb_per_hour']} MB an hour" if "mb_per_hour" in one else ""
            print(
                f"{name:<18} RSS {one['rss_mb_warm']:6.1f} → {one['rss_mb_end']:6.1f} MB{slope}, "
                f"files {one['fds_warm']:g} → {one['fds_end']:g}, "
                f"threads {one['threads_warm']:g} → {one['threads_end']:g}"
            )
        for line in found["broken"]:
            print(f"over the limit: {line}")
    return 1 if found["broken"] else 0


if __name__ == "__main__":
    sys.exit(main())
