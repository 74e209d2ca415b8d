"""Conducts the demo: starts a site on free ports in a temporary folder, shows or counts it, ends it."""

import asyncio
import contextlib
import dataclasses
import importlib.util
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Final, Self

import click
import msgspec
import platformdirs

from posture_console.demo import plan
from posture_console.demo.broker import broker_command
from posture_console.demo.crew import Crew
from posture_console.demo.operator import overrule
from posture_console.demo.tally import Store, Summary, read_ledgers, summarise
from posture_shared.exits import Exit, Stop

DEFAULT_SECONDS: Final = 60.0
_MODEL: Final = "full"
_START_S: Final = 60.0
_FIRST_ROW_S: Final = 120.0
_CATCH_UP_S: Final = 60.0
"""Time without a new row after which frames that still have none are called lost."""
_REPORT_S: Final = 5.0
_LOOK_S: Final = 1.0
_PORTS: Final = range(20_000, 32_000)

_MASTER_TOML: Final = '[master.database]\nhost = ""\n'
"""Whatever this machine's own configuration says: the demo has the embedded store alone."""


@dataclass(frozen=True, slots=True)
class Site:
    """The running demo."""

    crew: Crew
    store: Store
    ledgers: tuple[Path, ...]
    control_port: int
    cameras: tuple[str, ...]
    others: tuple[str, ...]
    """The other processes, in the order in which they are to end."""


def run_demo(
    *,
    headless: bool,
    seconds: float | None,
    json: bool,
    look: Mapping[str, str | None] | None = None,
    screenshots: Path | None = None,
) -> int:
    """Run the demo.

    Args:
        headless: no screen; count for `seconds` from the first row and print a summary.
        seconds: length of a headless run, at least 30; the scripted load scales with it. With the screen it scales
            the load alone.
        json: print the summary as one line of JSON.
        look: settings of the screen, such as its theme.
        screenshots: instead of showing the screen, take pictures of it into this folder.

    Returns:
        An exit code: not well where a frame was lost or doubled, or there was none.

    Raises:
        Stop: a part of the installation is missing, or a process of the demo ended.
    """
    if seconds is not None and seconds < plan.SHORTEST_S:
        raise Stop(f"--seconds must be at least {plan.SHORTEST_S:g}", Exit.USAGE)
    _require_installation()
    length_s = (seconds or DEFAULT_SECONDS) if headless else seconds
    with DemoFolder() as folder, _ended_by_sigterm(), Crew(folder.path) as crew:
        site = _start(crew, folder.path, length_s)
        if screenshots is not None:
            _shoot(site, screenshots)
            crew.end(*site.cameras)
            crew.end(*site.others)
            return Exit.DONE
        if not headless:
            _show(site.control_port, look or {})
            _say("stopping everything")
            crew.end(*site.cameras)
            crew.end(*site.others)
            return Exit.DONE
        summary = _count(site, length_s or DEFAULT_SECONDS)
        if not summary.well:
            folder.keep()
    _print(summary, as_json=json)
    return Exit.DONE if summary.well else Exit.NOT_WELL


def _require_installation() -> None:
    for module, extra in (("posture_agent", "mediapipe"), ("posture_publisher", "paho")):
        if importlib.util.find_spec(module) is None or importlib.util.find_spec(extra) is None:
            raise Stop("the demo needs every part of the program: pip install 'posture-edge[demo]'")
    named = os.environ.get("POSTURE_MODEL_DIR")
    models = Path(named) if named else Path(platformdirs.user_cache_dir("posture")) / "models"
    if not (models / f"pose_landmarker_{_MODEL}.task").is_file():
        raise Stop(f"the pose model is not installed in {models}: run 'posture-agent model install'")


def _start(crew: Crew, folder: Path, length_s: float | None) -> Site:
    broker_port, worker_port, control_port, events_port, metrics_port = _free_ports(5)
    broker = broker_command(folder, broker_port)
    _say(f"starting {broker.name}, a master, {len(plan.WORKERS)} workers")
    crew.start("broker", broker.command)
    crew.wait_until(lambda: _listens(broker_port), "the broker accepts connections", within_s=_START_S)
    address, data = f"127.0.0.1:{broker_port}", folder / "data"
    config = _written(folder / "master.toml", _MASTER_TOML)
    load = _written(folder / f"{plan.MASTER}.load", plan.master_load(length_s))
    agent = [sys.executable, "-m", "posture_agent"]
    crew.start(
        "master",
        [
            *(*agent, "master", "--config", str(config), "--broker", address, "--data-dir", str(data)),
            *("--listen", "127.0.0.1", "--worker-port", str(worker_port), "--control-port", str(control_port)),
            *("--events-port", str(events_port), "--metrics-port", str(metrics_port), "--node-name", plan.MASTER),
            *("--local-threads", "1", "--model", _MODEL, "--load", f"script:{load}"),
        ],
    )
    for node in plan.WORKERS:
        load = _written(folder / f"{node}.load", plan.worker_load(node))
        crew.start(
            node,
            [
                *(*agent, "worker", "--master", f"tcp://127.0.0.1:{worker_port}", "--node-name", node),
                *("--threads", "1", "--model", _MODEL, "--load", f"script:{load}", "--metrics-port", "0"),
            ],
        )
    crew.wait_until(lambda: _listens(control_port), "the master accepts consoles", within_s=_START_S)
    cameras = plan.cameras()
    _say(f"starting {len(cameras)} cameras")
    for camera in cameras:
        script = _written(folder / f"{camera.pi_id}.script", camera.script)
        crew.start(
            camera.pi_id,
            [
                *(sys.executable, "-m", "posture_publisher", "run", "--pi-id", camera.pi_id, "--broker", address),
                *("--source", f"synthetic:{script}", "--loop", "--fps", f"{plan.FPS:g}"),
                *("--ledger", str(_ledger(folder, camera.pi_id))),
            ],
        )
    names = tuple(camera.pi_id for camera in cameras)
    return Site(
        crew=crew,
        store=Store(data / "posture.db"),
        ledgers=tuple(_ledger(folder, name) for name in names),
        control_port=control_port,
        cameras=names,
        others=("master", *plan.WORKERS, "broker"),
    )


def _count(site: Site, length_s: float) -> Summary:
    """A headless run: from the first row `length_s`, then the cameras end and every frame gets its row."""
    crew, store = site.crew, site.store
    _say("waiting for the first row")
    crew.wait_until(lambda: store.count() > 0, "the first row", within_s=_FIRST_ROW_S)
    began_s = reported_s = looked_s = time.monotonic()
    overruled = False
    while (now_s := time.monotonic()) - began_s < length_s:
        crew.check()
        if now_s - reported_s >= _REPORT_S:
            reported_s = now_s
            _say(f"{now_s - began_s:3.0f} of {length_s:g} s, {store.count()} rows")
        if not overruled and now_s - looked_s >= _LOOK_S:
            looked_s = now_s
            if any(decision["state"] == "LOCAL" for decision in store.decisions()):
                _say(f"work is home again; an operator sends {plan.OVERRULED} to {plan.WORKERS[-1]}")
                overrule(site.control_port)
                overruled = True
        time.sleep(0.1)
    _say("stopping the cameras, waiting until every frame has its row")
    crew.end(*site.cameras)
    published = read_ledgers(site.ledgers)
    _catch_up(site, set(published))
    decisions = store.decisions()  # without those by which placement sees its workers leave
    crew.end(*site.others)
    return summarise(published, store.rows(), decisions)


def _catch_up(site: Site, published: set[tuple[str, str, int]]) -> None:
    progress_s, without_row = time.monotonic(), len(published)
    while missing := len(published - site.store.frames()):
        site.crew.check()
        if missing < without_row:
            progress_s, without_row = time.monotonic(), missing
        if time.monotonic() - progress_s > _CATCH_UP_S:
            _say(f"{missing} frames still have no row after {_CATCH_UP_S:g} s without a new one")
            return
        time.sleep(0.1)


def _show(control_port: int, look: Mapping[str, str | None]) -> None:
    """The console on this screen, until it is left."""
    from posture_console.app import run_console  # noqa: PLC0415 - Textual only for the screen
    from posture_console.settings import PROGRAM, ConsoleSettings, chosen_target  # noqa: PLC0415 - likewise
    from posture_shared.settings import load  # noqa: PLC0415 - likewise

    flags = {"connect": f"tcp://127.0.0.1:{control_port}", **look}
    settings = load(ConsoleSettings, PROGRAM, flags=flags).value
    target = chosen_target(settings, given=("connect",))
    run_console(settings, dataclasses.replace(target, key=None))  # the demo's master asks for no key


def _shoot(site: Site, folder: Path) -> None:
    """Pictures of the console, once work was offloaded."""
    from posture_console.demo.shots import DOCUMENTED, take  # noqa: PLC0415 - Textual only for the screen
    from posture_console.links.loop import new_loop  # noqa: PLC0415 - likewise

    _say("waiting for the first decision")
    site.crew.wait_until(lambda: bool(site.store.decisions()), "the first decision", within_s=_FIRST_ROW_S)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        for file in runner.run(take(f"tcp://127.0.0.1:{site.control_port}", DOCUMENTED, folder)):
            click.echo(file)


def _print(summary: Summary, *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(summary).decode())
        return
    click.echo(f"frames {summary.frames}, rows {summary.rows}, lost {summary.lost}, duplicates {summary.duplicates}")
    click.echo(f"{summary.fps:g} rows/s, latency p50 {summary.latency_ms.p50} ms, p95 {summary.latency_ms.p95} ms")
    for title, counts in (("status", summary.by_status), ("node", summary.by_node)):
        click.echo(f"by {title}: " + ", ".join(f"{name} {count}" for name, count in counts.items()))
    for decision in summary.decisions:
        click.echo(f"{decision['at']} {decision['state']} {decision['from']} → {decision['to']}: {decision['reason']}")


class DemoFolder:
    """A folder for this run; it stays, and is named, where something went wrong."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="posture-demo-"))
        self._kept = False

    def keep(self) -> None:
        """Something is to be looked at."""
        self._kept = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._kept or isinstance(error, Stop):
            _say(f"logs and data stay in {self.path}")
        else:
            shutil.rmtree(self.path, ignore_errors=True)


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM and a closed terminal end the demo as Ctrl-C does: by the way that stops all processes."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signals = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {number: signal.signal(number, leave) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody uses now, all different.

    They lie below those that systems give to connections and to servers that name none (from 32768 on Linux), so that
    nobody is given one before our process has started listening.
    """
    found: list[int] = []
    for port in random.sample(_PORTS, len(_PORTS)):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise Stop(f"the demo needs {count} free ports from {_PORTS[0]} to {_PORTS[-1]}")


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.5):
        return True
    return False


def _written(file: Path, text: str) -> Path:
    file.write_text(text, encoding="utf-8")
    return file


def _ledger(folder: Path, pi_id: str) -> Path:
    return folder / f"{pi_id}.ledger.jsonl"


def _say(text: str) -> None:
    click.echo(f"demo: {text}", err=True)
