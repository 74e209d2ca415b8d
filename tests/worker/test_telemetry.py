"""Load: scripts are followed to the second, own work is added where asked, wrong scripts are named."""

import sys
from types import SimpleNamespace

import pytest

from posture_agent.telemetry import Line, MeasuredLoad, ScriptedLoad, load_source, read_script
from posture_agent.worker.pace import Pace
from posture_shared.exits import Stop


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_script_holds_each_value_until_its_next_line():
    clock = Clock()
    load = ScriptedLoad("n", [Line(0, 20, own=False), Line(10, 80, own=False)], clock=clock)
    seen = []
    for clock.now in (0.0, 9.9, 10.0, 500.0):
        seen.append(load.sample().cpu)
    assert seen == [20, 20, 80, 80]
    assert load.sample().scripted


def test_own_work_is_added_as_a_share_of_the_whole_node():
    clock = Clock()
    load = ScriptedLoad("n", [Line(0, 20, own=True)], clock=clock)
    load.sample()
    clock.now = 1.0
    sample = load.sample(own_cpu_ms=500.0)
    assert sample.cpu == pytest.approx(20 + 50 / sample.cores)
    clock.now = 2.0
    assert load.sample(own_cpu_ms=1e6).cpu == 100.0


def test_a_script_is_read_with_comments_and_in_any_order(tmp_path):
    file = tmp_path / "load"
    file.write_text("# seconds cpu\n30 75 own\n\n0 20  # calm\n")
    assert read_script(file) == [Line(0, 20, own=False), Line(30, 75, own=True)]


@pytest.mark.parametrize("text", ["", "0", "0 101", "-1 20", "0 20 mine", "zero 20", "0 20 own more"])
def test_a_wrong_script_is_named_with_its_line(tmp_path, text):
    file = tmp_path / "load"
    file.write_text(text)
    with pytest.raises(Stop, match="load script"):
        read_script(file)


def test_a_missing_script_is_said():
    with pytest.raises(Stop, match="cannot be read"):
        load_source("script:/nowhere", "n")


def test_the_cpu_is_not_measured_over_the_moment_between_two_askers(monkeypatch):
    asked = []
    monkeypatch.setattr("posture_agent.telemetry.psutil.cpu_percent", lambda: asked.append(1) or 50.0)
    load = MeasuredLoad("n")
    assert [load.sample().cpu for _ in range(5)] == [50.0] * 5
    assert len(asked) == 2


def test_a_measured_sample_is_within_its_ranges():
    sample = MeasuredLoad("n").sample(loop_lag_ms=1.5)
    assert 0 <= sample.cpu <= 100
    assert 0 < sample.memory <= 100
    assert sample.cores >= 1
    assert (sample.node, sample.loop_lag_ms, sample.scripted) == ("n", 1.5, False)


@pytest.fixture
def system(monkeypatch, tmp_path):
    """An empty /sys, and no NVML."""
    monkeypatch.setattr("posture_agent.telemetry._SYS", tmp_path)
    monkeypatch.setitem(sys.modules, "pynvml", None)

    def write(**files):
        for name, content in files.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        return tmp_path

    return write


JETSON_GPUS = ["devices/gpu.0/load", "devices/platform/gpu.0/load", "devices/platform/17000000.ga10b/load"]


def test_where_there_is_nothing_to_read_nothing_is_made_up(system):
    system()
    sample = MeasuredLoad("n").sample()
    assert (sample.gpu, sample.temperature_c) == (None, None)


@pytest.mark.parametrize("file", JETSON_GPUS)
def test_the_gpu_of_a_jetson_is_read_in_permille(system, file):
    system(**{file: "375\n"})
    assert MeasuredLoad("n").sample().gpu == 37.5


@pytest.mark.parametrize("content", ["", "busy", None])
def test_a_gpu_that_cannot_be_read_for_a_moment_costs_that_figure_alone(system, content):
    file = system(**{JETSON_GPUS[0]: "100"}) / JETSON_GPUS[0]
    load = MeasuredLoad("n")
    assert load.sample().gpu == 10.0
    file.unlink() if content is None else file.write_text(content)
    assert load.sample().gpu is None
    file.write_text("200")
    assert load.sample().gpu == 20.0


def test_the_hottest_zone_of_the_processor_counts_and_no_other(system):
    zones = {
        "0": ("CPU-therm", "51500"),
        "1": ("GPU-therm", "90000"),
        "2": ("soc0-thermal", "52250"),
        "3": ("cpu2", "?"),
    }
    for number, (kind, temp) in zones.items():
        zone = f"class/thermal/thermal_zone{number}"
        system(**{f"{zone}/type": kind, f"{zone}/temp": temp})
    assert MeasuredLoad("n").sample().temperature_c == 52.25


def nvml(use):
    """NVML's binding as far as it is asked; `use` gives the GPU's use, or raises."""
    return SimpleNamespace(
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByIndex=lambda index: f"gpu{index}",
        nvmlDeviceGetUtilizationRates=lambda device: SimpleNamespace(gpu=use(device)),
    )


def test_the_first_gpu_of_nvidia_is_asked_by_nvml(system, monkeypatch):
    system()
    monkeypatch.setitem(sys.modules, "pynvml", nvml(lambda device: {"gpu0": 42}[device]))
    assert MeasuredLoad("n").sample().gpu == 42.0


def test_a_driver_that_raises_costs_the_figure_and_not_the_worker(system, monkeypatch):
    system()
    answers = iter([30, RuntimeError("the GPU has fallen off the bus"), 31])

    def use(_device):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setitem(sys.modules, "pynvml", nvml(use))
    load = MeasuredLoad("n")
    assert [load.sample().gpu for _ in range(3)] == [30.0, None, 31.0]


@pytest.mark.parametrize("call", ["nvmlInit", "nvmlDeviceGetHandleByIndex"])
def test_a_driver_that_does_not_start_is_no_gpu(system, monkeypatch, call):
    system()
    broken = nvml(lambda _device: 1)

    def fails(*_):
        raise OSError("no driver")

    setattr(broken, call, fails)
    monkeypatch.setitem(sys.modules, "pynvml", broken)
    assert MeasuredLoad("n").sample().gpu is None


def test_pace_knows_rate_quantiles_and_cost():
    pace = Pace()
    for number in range(100):
        pace.done(analyze_ms=number + 1, cpu_ms=10, now=number * 0.05)
    assert pace.fps(4.95) == 20.0
    assert pace.fps(60.0) == 0.0
    assert (pace.quantile_ms(0.5), pace.quantile_ms(0.95)) == (50, 95)
    assert pace.cpu_ms_per_frame == pytest.approx(10)
    assert pace.take_cpu_ms() == 1000
    assert pace.take_cpu_ms() == 0
