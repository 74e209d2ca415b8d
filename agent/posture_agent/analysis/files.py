"""Analysis of picture files: which files, in which order, and a result's line for each.

In image mode all cores work; results are printed in the files' order. In video mode a folder is a camera.
"""

import os
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from posture_agent.analysis.analyzer import Analyzer
from posture_agent.analysis.native_log import silenced
from posture_agent.analysis.settings import AnalysisSettings, Mode, Model, Rule
from posture_shared import frame
from posture_shared.exits import Exit, Stop
from posture_shared.messages.worker import Analysis, Baseline
from posture_shared.records import Latency, Result
from posture_shared.text import one_line

SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".jpe"})
"""What counts as a picture in a folder; a file that is named is always tried."""

MAX_FILE_BYTES: Final = 64 * 1024 * 1024

_PROGRESS_EVERY_S: Final = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class FileAnalysis:
    """What is asked for on the command line."""

    paths: tuple[Path, ...]
    as_json: bool
    annotate_dir: Path | None
    model: Model
    mode: Mode
    rule: Rule
    baseline: Baseline | None


def run(work: FileAnalysis) -> Exit:
    """Analyse, print, and say with the exit code whether anything could be read.

    Raises:
        Stop: there is no picture, the model is not installed, or the folder for pictures cannot be made.
    """
    files = list(pictures(work.paths))
    if not files:
        raise Stop(f"no JPEG file in {', '.join(map(str, work.paths))}", Exit.USAGE)
    if work.annotate_dir is not None:
        _check_targets(work.annotate_dir, work.paths, files)
        _make(work.annotate_dir)
    readable = 0
    with silenced():
        for result in _with_progress(_results(work, files), len(files)):
            readable += result["posture_status"] != "Undecodable"
            click.echo(msgspec.json.encode(result) if work.as_json else _line(result))
    return Exit.DONE if readable else Exit.NOT_WELL


def pictures(paths: Iterable[Path]) -> Iterator[Path]:
    """Each named file, and the JPEG files of each named folder and its folders, by name."""
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
        else:
            yield path


def _results(work: FileAnalysis, files: list[Path]) -> Iterator[dict[str, Any]]:
    threads = 1 if work.mode == "video" else min(os.cpu_count() or 1, len(files))
    settings = AnalysisSettings(rule=work.rule, keep_pictures="annotated" if work.annotate_dir else "none")
    with (
        Analyzer(model=work.model, mode=work.mode, threads=threads, settings=settings) as analyzer,
        ThreadPoolExecutor(threads) as pool,
    ):
        yield from pool.map(lambda numbered: _result(work, analyzer, *numbered), enumerate(files, start=1))


def _result(work: FileAnalysis, analyzer: Analyzer, number: int, file: Path) -> dict[str, Any]:
    """The result of one file, as the contract's JSON; what only a broker could tell is null."""
    jpeg, unreadable = _read(file)
    if unreadable:
        analysis, picture = Analysis(posture_status="Undecodable", reason=unreadable, model=work.model), b""
    else:
        analysis, picture = analyzer.analyze(
            jpeg, pi_id=str(file.parent), seq=number, tracking=work.mode == "video", baseline=work.baseline
        )
    identity = frame.extract(jpeg)
    result: dict[str, Any] = dict.fromkeys(Result.__struct_fields__)
    result |= {name: getattr(analysis, name) for name in result if hasattr(analysis, name)}
    result |= {
        "filename": str(file),
        "analyzed_time": datetime.now(UTC),
        "latency_ms": msgspec.to_builtins(Latency(analyze=analysis.analyze_ms)),
        "image_path": _keep(work, file, picture),
    }
    if identity is not None:
        result |= {
            "frame_id": identity.id,
            "run": identity.run,
            "seq": identity.seq,
            "captured_time": identity.captured.astimezone(UTC),
        }
    return result


def _read(file: Path) -> tuple[bytes, str]:
    """The file's content, or why there is none."""
    try:
        size = file.stat().st_size
        if size > MAX_FILE_BYTES:
            return b"", f"{size} bytes, at most {MAX_FILE_BYTES} are accepted"
        return file.read_bytes(), ""
    except OSError as error:
        return b"", f"the file cannot be read: {error.strerror}"


def _keep(work: FileAnalysis, file: Path, picture: bytes) -> str | None:
    if work.annotate_dir is None or not picture:
        return None
    target = work.annotate_dir / _name_in(work.paths, file)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(picture)
    except OSError as error:
        raise Stop(f"{target} cannot be written: {error.strerror}") from None
    return str(target)


def _name_in(paths: tuple[Path, ...], file: Path) -> Path:
    """Where below the folder for pictures: as the file lies below the folder that was named."""
    for path in paths:
        if path.is_dir() and path in file.parents:
            return file.relative_to(path).with_suffix(".jpg")
    return Path(file.with_suffix(".jpg").name)


def _check_targets(folder: Path, paths: tuple[Path, ...], files: Iterable[Path]) -> None:
    """Refuse to write over a picture that is to be analysed, or over another one's annotated picture."""
    sources = {file.resolve(): file for file in files}
    taken: dict[Path, Path] = {}
    for place, file in sources.items():
        target = folder / _name_in(paths, file)
        if target.resolve() in sources:
            raise Stop(f"{target} would be replaced by an annotated picture: name another folder", Exit.USAGE)
        if taken.setdefault(target, place) != place:
            raise Stop(
                f"the pictures of {sources[taken[target]]} and {file} would both be {target}: analyse them apart, each "
                "into a folder of its own",
                Exit.USAGE,
            )


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Stop(f"the folder {folder} cannot be made: {error.strerror}", Exit.USAGE) from None


def _line(result: dict[str, Any]) -> str:
    angles = ""
    if result["neck_angle"] is not None:
        angles = f"trunk {result['body_angle']:+.0f}°, neck {result['neck_angle']:+.0f}°; "
    side = f"{result['side']} side; " if result["side"] else ""
    name = one_line(str(result["filename"]))
    return f"{name}  {result['posture_status']}  {side}{angles}{result['reason']}"


def _with_progress(results: Iterable[dict[str, Any]], total: int) -> Iterator[dict[str, Any]]:
    """Say on stderr how far it is, where it takes long."""
    began = said = time.monotonic()
    for done, result in enumerate(results, start=1):
        yield result
        now = time.monotonic()
        if now - said >= _PROGRESS_EVERY_S and done < total:
            said = now
            click.echo(f"{done} of {total} pictures, {done / (now - began):.0f} a second", file=sys.stderr)
