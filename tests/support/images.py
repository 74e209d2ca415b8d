"""Photographs and rendered pictures that lie beside the repository: `../shared/images`, `../shared/truth`.

A copy of the repository elsewhere names their folder in POSTURE_TEST_PICTURES; without it those tests are skipped.
"""

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

VARIABLE = "POSTURE_TEST_PICTURES"
REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Photograph:
    """One row of `images/index.csv`."""

    path: Path
    category: str
    label: str


def pictures_folder() -> Path:
    """The folder that holds `images` and `truth`, whether or not it exists."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else REPOSITORY.parent / "shared"


def images_folder() -> Path:
    """The photographs; skips the test where there are none."""
    return _present(pictures_folder() / "images", "index.csv")


def truth_folder() -> Path:
    """The rendered pictures with exact angles (`truth.csv`); skips the test where there are none."""
    return _present(pictures_folder() / "truth", "truth.csv")


def photographs(*categories: str) -> list[Photograph]:
    """The photographs of `categories` (all without), in the order of the index."""
    folder = images_folder()
    with (folder / "index.csv").open(newline="", encoding="utf-8") as file:
        rows = [Photograph(folder / row["file"], row["category"], row["label"]) for row in csv.DictReader(file)]
    return [row for row in rows if not categories or row.category in categories]


def truth_rows() -> list[dict[str, str]]:
    """The rows of `truth.csv` as they stand there."""
    with (truth_folder() / "truth.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _present(folder: Path, index: str) -> Path:
    if not (folder / index).is_file():
        pytest.skip(f"the pictures of {folder.name} are not beside this copy of the repository (set {VARIABLE})")
    return folder
