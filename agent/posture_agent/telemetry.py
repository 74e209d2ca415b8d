"""A node's load: measured, or read from a script. Light: the worker's parent and the master sample once a second."""

import contextlib
import importlib
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import psutil

from posture_shared.exits import Exit, Stop
from posture_shared.records import NodeLoad

_CPU_ZONES: Final = ("cpu", "soc", "x86_pkg", "acpitz", "tj")
_JETSON_GPU: Final = ("devices/gpu.0/load", "devices/platform/gpu.0/load", "devices/platform/*.ga10b/load")
_SYS: Final = Path("/sys")
_SHORTEST_S: Final = 0.4
"""A CPU figure is measured over no less than this."""


class LoadSource(Protocol):
    """Where a node's load comes from."""

    def sample(self, *, own_cpu_ms: float, loop_lag_ms: float) -> NodeLoad:
        """The load now. `own_cpu_ms`: CPU time of our analysis since the last sample, ms."""
        ...


def load_source(setting: str, node: str) -> LoadSource:
    """The source that `setting` names: `psutil` or `script:FILE`. Raises Stop where a script cannot be used."""
    kind, _, file = setting.partition(":")
    return ScriptedLoad(node, read_script(Path(file))) if kind == "script" else MeasuredLoad(node)


class MeasuredLoad:
    """CPU of the whole node by psutil, memory, temperature, GPU where there is one."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._cores = psutil.cpu_count() or 1
        self._temperatures = _temperature_files()
        self._gpu = _gpu_reader()
        psutil.cpu_percent()  # the first call only sets the beginning of the interval
        self._cpu, self._cpu_at_s = 0.0, float("-inf")

    def sample(self, *, own_cpu_ms: float = 0.0, loop_lag_ms: float = 0.0) -> NodeLoad:
        """See `LoadSource`; the measured CPU holds our own work already."""
        del own_cpu_ms
        return NodeLoad(
            node=self._node,
            cpu=self._cpu_percent(),
            memory=psutil.virtual_memory().percent,
            cores=self._cores,
            temperature_c=_hottest(self._temperatures),
            gpu=self._gpu() if self._gpu is not None else None,
            loop_lag_ms=round(loop_lag_ms, 2),
        )

    def _cpu_percent(self) -> float:
        """Since the last measurement, which is kept for a while: over a few ms the figure would be 0 or 100."""
        now_s = time.monotonic()
        if now_s - self._cpu_at_s >= _SHORTEST_S:
            self._cpu, self._cpu_at_s = psutil.cpu_percent(), now_s
        return self._cpu


class Line(NamedTuple):
    """From `at_s` on the CPU is `cpu` per cent, plus our own measured work where `own`."""

    at_s: float
    cpu: float
    own: bool


def read_script(file: Path) -> list[Line]:
    """The lines `SECONDS CPU [own]` of a load script, by time. Raises Stop naming the line that is wrong."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Stop(f"the load script {file} cannot be read: {error}", Exit.USAGE) from None
    lines = []
    for number, row in enumerate(text.splitlines(), 1):
        words = row.partition("#")[0].split()
        if not words:
            continue
        try:
            at_s, cpu = float(words[0]), float(words[1])
        except (ValueError, IndexError):
            raise _wrong(file, number, row) from None
        if len(words) > 3 or words[2:] not in ([], ["own"]) or at_s < 0 or not 0 <= cpu <= 100:
            raise _wrong(file, number, row)
        lines.append(Line(at_s, cpu, own=len(words) == 3))
    if not lines:
        raise Stop(f"the load script {file} is empty: give lines 'SECONDS CPU [own]'", Exit.USAGE)
    return sorted(lines)


class ScriptedLoad:
    """CPU as a script says, counted from the first sample; everything else is measured."""

    def __init__(self, node: str, lines: Sequence[Line], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._lines, self._clock = lines, clock
        self._measured = MeasuredLoad(node)
        self._began_s = self._last_s = clock()

    def sample(self, *, own_cpu_ms: float = 0.0, loop_lag_ms: float = 0.0) -> NodeLoad:
        """See `LoadSource`."""
        now = self._clock()
        elapsed_s, self._last_s = max(now - self._last_s, 1e-3), now
        at = bisect_right([line.at_s for line in self._lines], now - self._began_s) - 1
        line = self._lines[max(at, 0)]
        real = self._measured.sample(loop_lag_ms=loop_lag_ms)
        own = own_cpu_ms / (10 * elapsed_s * real.cores) if line.own else 0.0
        return NodeLoad(
            node=real.node,
            cpu=round(min(100.0, line.cpu + own), 2),
            memory=real.memory,
            cores=real.cores,
            temperature_c=real.temperature_c,
            gpu=real.gpu,
            loop_lag_ms=real.loop_lag_ms,
            scripted=True,
        )


def _wrong(file: Path, number: int, row: str) -> Stop:
    return Stop(
        f"the load script {file}, line {number}: '{row:.60}' is not 'SECONDS CPU [own]' (CPU 0-100)", Exit.USAGE
    )


def _temperature_files() -> list[Path]:
    """Of the zones that are the processor's; of all where none says so."""
    zones = sorted(_SYS.glob("class/thermal/thermal_zone*"))
    named = []
    for zone in zones:
        with contextlib.suppress(OSError):
            kind = (zone / "type").read_text().strip().lower()
            if kind.startswith(_CPU_ZONES):
                named.append(zone)
    return [zone / "temp" for zone in named or zones]


def _hottest(files: Sequence[Path]) -> float | None:
    found = []
    for file in files:
        with contextlib.suppress(OSError, ValueError):
            found.append(int(file.read_text()) / 1000)
    return max(found, default=None)


def _gpu_reader() -> Callable[[], float | None] | None:
    """A reader of GPU use in per cent, None where there is no GPU that we know to ask."""
    for pattern in _JETSON_GPU:
        for file in _SYS.glob(pattern):
            return lambda: _permille(file)
    try:
        nvml: Any = importlib.import_module("pynvml")
        nvml.nvmlInit()
        device = nvml.nvmlDeviceGetHandleByIndex(0)
    except Exception:  # noqa: BLE001 - whatever a driver's binding raises means: no GPU to ask
        return None
    return lambda: _nvml_use(nvml, device)


def _nvml_use(nvml: Any, device: Any) -> float | None:
    try:
        return float(nvml.nvmlDeviceGetUtilizationRates(device).gpu)
    except Exception:  # noqa: BLE001 - as above: a driver that stumbles costs the figure, not the worker
        return None


def _permille(file: Path) -> float | None:
    try:
        return int(file.read_text()) / 10
    except (OSError, ValueError):
        return None
