"""A whole site for each test, and a table of what they counted at the end of the run."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from support.mosquitto import Mosquitto
from support.processes import Programs
from support.whole_site import Count, Tell, WholeSite

_COLUMNS = ("frames", "rows", "lost", "twice")


@pytest.fixture
def new_site(programs: Programs, broker: Mosquitto, tmp_path: Path) -> Iterator[Callable[..., WholeSite]]:
    """Makes the test's site; nothing of it runs but the broker."""
    sites: list[WholeSite] = []

    def make(**settings: object) -> WholeSite:
        sites.append(partial(WholeSite, programs, broker, tmp_path)(**settings))  # type: ignore[arg-type]
        return sites[-1]

    yield make
    for site in sites:
        site.close()


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    def line(count: Count, figure: str = "") -> None:
        for name in _COLUMNS:
            record_property(name, getattr(count, name))
        record_property("figure", figure)

    return line


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        if getattr(report, "when", "") == "call" and "chaos" in report.keywords
    ]
    if not reports:
        return
    terminalreporter.section("every frame one row?")
    lines = [("test", *_COLUMNS, "figure"), *(_line(report) for report in reports)]
    widths = [max(len(line[at]) for line in lines) for at in range(5)]
    for line in lines:
        numbers = "  ".join(line[at].rjust(widths[at]) for at in range(1, 5))
        terminalreporter.write_line(f"{line[0]:<{widths[0]}}  {numbers}  {line[5]}")


def _line(report: pytest.TestReport) -> tuple[str, ...]:
    told = {name: str(value) for name, value in report.user_properties}
    name = report.nodeid.rpartition("::")[2].removeprefix("test_").replace("_", " ")
    figure = told.get("figure", "")
    if report.failed:
        figure = f"FAILED  {figure}".rstrip()
    return (name, *(told.get(column, "-") for column in _COLUMNS), figure)
