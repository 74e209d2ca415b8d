"""Pictures whose true angles are known: drawn by the synthetic camera, and rendered ones beside the repository."""

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

VARIABLE = "POSTURE_TEST_PICTURES"

Scene = Literal["sit", "desk", "stand"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One picture and what is true of it; angles in degrees, forward positive."""

    name: str
    picture: bytes
    scene: str
    side: str
    group: tuple[str, ...]
    """Same body, side, scene and camera: what one baseline serves."""
    neck_deg: float
    body_deg: float
    trunk_flexion: float
    neck_flexion: float
    azimuth: float = 0.0

    @property
    def upright(self) -> bool:
        """A picture from which a baseline is taken."""
        return self.trunk_flexion == 0 and self.neck_flexion == 0

    @property
    def usable(self) -> bool:
        """A side view that has to be judged."""
        return self.scene in {"sit", "desk", "stand"} or (self.scene == "azim" and abs(self.azimuth) <= 30)

    @property
    def turned_away(self) -> bool:
        """A view that has to be refused."""
        return self.scene == "azim" and abs(self.azimuth) >= 45

    @property
    def poor(self) -> bool:
        """Trunk far forward, or the neck bowed over an upright trunk."""
        return self.trunk_flexion >= 25 or (self.neck_flexion >= 40 and self.trunk_flexion == 0)

    @property
    def fine(self) -> bool:
        """Near upright."""
        return 0 <= self.trunk_flexion <= 10 and self.neck_flexion <= 20


def pictures_folder() -> Path:
    """Where `truth` and `images` lie, whether or not they are there."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else Path(__file__).resolve().parents[2] / "shared"


def drawn(size: tuple[int, int] = (640, 480)) -> Iterator[Sample]:
    """The synthetic camera's person over the same range of postures as the rendered bodies."""
    from posture_publisher.sources.drawing import draw

    scenes: tuple[Scene, ...] = ("sit", "desk", "stand")
    sides: tuple[Literal["left", "right"], ...] = ("left", "right")
    for scene in scenes:
        for side in sides:
            for trunk in (-10, 0, 10, 20, 30, 40):
                for bow in (0, 15, 20, 30, 40, 45):
                    # As measured on the rendered bodies: the ear line turns by 0.55 of the neck's flexion.
                    neck_deg, body_deg = 10 + trunk + 0.55 * bow, 0.9 + 1.045 * trunk
                    image = draw(neck_deg, body_deg, side, scene, size).image
                    yield Sample(
                        name=f"{scene} {side} {trunk}/{bow}",
                        picture=jpeg(image),
                        scene=scene,
                        side=side,
                        group=("drawn", scene, side),
                        neck_deg=neck_deg,
                        body_deg=body_deg,
                        trunk_flexion=trunk,
                        neck_flexion=bow,
                    )


def rendered(folder: Path) -> Iterator[Sample]:
    """The bodies of `truth.csv`: usable side views, turned cameras."""
    with (folder / "truth.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if row["scene"] not in {"sit", "desk", "stand", "azim"}:
            continue
        yield Sample(
            name=row["file"],
            picture=(folder / row["file"]).read_bytes(),
            scene=row["scene"],
            side=row["side"],
            group=(row["body"], row["scene"], row["side"], row["camera_azimuth"]),
            neck_deg=float(row["neck_angle"]),
            body_deg=float(row["body_angle"]),
            trunk_flexion=float(row["torso_flexion"]),
            neck_flexion=float(row["neck_flexion"]),
            azimuth=float(row["camera_azimuth"]),
        )


def photographs(folder: Path) -> dict[str, list[bytes]]:
    """Photographs by category: side (either way), front, partial, empty, multi."""
    found: dict[str, list[bytes]] = {}
    with (folder / "index.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            category = "side" if row["category"].startswith("side") else row["category"]
            found.setdefault(category, []).append((folder / row["file"]).read_bytes())
    return found


def mirrored(picture: bytes) -> bytes:
    """The same picture, left and right exchanged."""
    return jpeg(cv2.flip(cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR), 1))


def another_frame(picture: bytes, number: int) -> bytes:
    """The same scene as the camera's next frame would show it: moved by a pixel or two, with noise of its own."""
    chance = np.random.default_rng(number)
    image = np.asarray(cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR))
    dx, dy = chance.uniform(-2, 2, 2)
    height, width = image.shape[:2]
    moved = cv2.warpAffine(image, np.array([[1, 0, dx], [0, 1, dy]]), (width, height), borderMode=cv2.BORDER_REPLICATE)
    noisy = moved.astype(np.float32) + chance.normal(0, 3, moved.shape)
    return jpeg(np.clip(noisy, 0, 255).astype(np.uint8))


def jpeg(image: np.ndarray) -> bytes:
    """`image` as JPEG of quality 95."""
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1])
