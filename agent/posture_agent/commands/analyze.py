"""`posture-agent analyze`: pictures from files, judged as a worker would, without a broker."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from posture_shared.messages.worker import Baseline


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH…", type=click.Path(exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option(
    "--annotate",
    "annotate_dir",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the annotated pictures there.",
)
@click.option("--model", type=click.Choice(["lite", "full", "heavy"]), default="full", show_default=True)
@click.option(
    "--mode",
    type=click.Choice(["image", "video"]),
    default="image",
    show_default=True,
    help="Each picture alone, or each folder as one camera whose pictures follow each other.",
)
@click.option("--rule", type=click.Choice(["calibrated", "classic"]), default="calibrated", show_default=True)
@click.option("--baseline", metavar="NECK,BODY", help="Upright angles of the person, degrees.")
def analyze(
    paths: tuple[Path, ...],
    *,
    as_json: bool,
    annotate_dir: Path | None,
    model: Literal["lite", "full", "heavy"],
    mode: Literal["image", "video"],
    rule: Literal["calibrated", "classic"],
    baseline: str | None,
) -> None:
    """Analyse picture files and print one result a line.

    A folder stands for the JPEG files in it and below it. What cannot be read is a result too (Undecodable); the
    exit code is 1 when nothing could be read.
    """
    from posture_agent.analysis.files import FileAnalysis, run  # noqa: PLC0415 - OpenCV and MediaPipe take a second

    work = FileAnalysis(
        paths=paths,
        as_json=as_json,
        annotate_dir=annotate_dir,
        model=model,
        mode=mode,
        rule=rule,
        baseline=_baseline(baseline),
    )
    click.get_current_context().exit(run(work))


def _baseline(text: str | None) -> "Baseline | None":
    from posture_shared.messages.worker import Baseline  # noqa: PLC0415

    if text is None:
        return None
    try:
        neck, body = (float(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(
            f"'{text}' is not NECK,BODY in degrees, such as 16,-4", param_hint="--baseline"
        ) from None
    if not (abs(neck) <= 90 and abs(body) <= 90):
        raise click.BadParameter(f"'{text}': both angles are between -90 and 90 degrees", param_hint="--baseline")
    return Baseline(neck, body)
