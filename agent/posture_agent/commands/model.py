"""`posture-agent model install`: brings the pose model, with a bar on a terminal and plain lines elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from posture_agent.analysis.model_sources import Progress, Report


@click.group("model")
def model() -> None:
    """Install the pose model."""


@model.command()
@click.option(
    "--variant",
    "variants",
    multiple=True,
    type=click.Choice(["lite", "full", "heavy"]),
    default=["full"],
    show_default=True,
    help="Which size; may be given several times.",
)
@click.option(
    "--from",
    "source_dir",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Take it from this folder, which holds a .task bundle, the bare networks, the npm package or the wheel.",
)
def install(variants: tuple[str, ...], source_dir: Path | None) -> None:
    """Fetch the pose model, check it and put it where every process of this machine finds it.

    Without --from it is taken from Google's model store, else from the npm package @mediapipe/pose where npm is
    installed, else (full only) from the MediaPipe 0.10.21 wheel.
    """
    from posture_agent.analysis.model import install as install_model  # noqa: PLC0415 - help needs none of it

    for variant in dict.fromkeys(variants):
        with _progress(variant) as report:
            path = install_model(variant, source_dir=source_dir, progress=report)
        click.echo(path)


@contextmanager
def _progress(variant: str) -> Iterator["Report"]:
    if sys.stderr.isatty():
        with _bar(variant) as report:
            yield report
        return
    yield _lines(variant)


@contextmanager
def _bar(variant: str) -> Iterator["Report"]:
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415
    from rich.progress import Progress as Bars  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Bars(*columns, console=Console(stderr=True)) as bars:
        bar = bars.add_task(f"pose model {variant}", total=None)

        def report(progress: "Progress") -> None:
            bars.update(
                bar,
                description=f"pose model {variant}: {progress.step}",
                completed=progress.done_bytes,
                total=progress.total_bytes,
            )

        yield report


def _lines(variant: str) -> "Report":
    from posture_agent.analysis.model import ALREADY_INSTALLED  # noqa: PLC0415 - as above

    said: list[str] = []

    def report(progress: "Progress") -> None:
        if progress.step in {ALREADY_INSTALLED, *said[-1:]}:
            return
        said.append(progress.step)
        click.echo(f"pose model {variant}: {progress.step}", err=True)

    return report
