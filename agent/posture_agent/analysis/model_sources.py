"""Where the pose model can be had: a folder, Google's model store, two packages that carry the same networks.

Each source is a function that returns a complete bundle or raises a reason. Nothing is used whose SHA-256 is not
written down here.
"""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from posture_agent.analysis.bundle import is_whole, make_bundle


class Unavailable(Exception):  # noqa: N818 - a reason to go on to the next source
    """This source does not have it, or cannot be reached."""


class Damaged(Exception):  # noqa: N818 - as above
    """A file is not the one that was published."""


class Progress(NamedTuple):
    """One step: what is being done, how far it is, and how far it goes where that is known."""

    step: str
    done_bytes: int
    total_bytes: int | None


Report = Callable[[Progress], None]
Source = Callable[[str, Path, Report], bytes]
"""(variant, a folder for temporary files, where to report) -> a bundle."""


class Network(NamedTuple):
    """What was published of one size of the model."""

    sha256: str
    """Of `pose_landmark_<variant>.tflite`."""
    published_bundles: frozenset[str]
    """Of the `.task` files in Google's model store, of each revision."""


NETWORKS: Final[Mapping[str, Network]] = {
    "lite": Network(
        "f17bfbecadb61c3be1baa8b8d851cc6619c870a87167b32848ad20db306b9d61",
        frozenset({"59929e1d1ee95287735ddd833b19cf4ac46d29bc7afddbbf6753c459690d574a"}),
    ),
    "full": Network(
        "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
        frozenset(
            {
                "4eaa5eb7a98365221087693fcc286334cf0858e2eb6e15b506aa4a7ecdcec4ad",
                "5134a3aad27a58b93da0088d431f366da362b44e3ccfbe3462b3827a839011b1",
            }
        ),
    ),
    "heavy": Network(
        "59e42d71bcd44cbdbabc419f0ff76686595fd265419566bd4009ef703ea8e1fe",
        frozenset({"64437af838a65d18e5ba7a0d39b465540069bc8aae8308de3e318aad31fcbc7b"}),
    ),
}
DETECTORS: Final = frozenset(
    {
        "a63c614bef30d35947f13be361820b1e4e3bec9cfeebf4d11216a18373108e85",
        "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
    }
)
DETECTOR_NAMES: Final = ("pose_detection.tflite", "pose_solution_packed_assets.data")

STORE: Final = "https://storage.googleapis.com/mediapipe-models/pose_landmarker"
NPM_PACKAGE: Final = "@mediapipe/pose@0.5.1675469404"
OLDER_WHEEL: Final = "mediapipe==0.10.21"
WHEEL_VARIANTS: Final = ("full",)

_PACKAGE_TIMEOUT_S: Final = 900
_LARGEST_BYTES: Final = 64 * 1024 * 1024
"""No published file is half as large; a longer answer is not the model."""


def sha256_of(content: bytes) -> str:
    """The SHA-256 of `content` as the tables here write it."""
    return hashlib.sha256(content).hexdigest()


def folder(place: Path) -> Source:
    """The source of `--from DIR`: a bundle, the two networks, the npm package or the wheel, as it lies there."""

    def fetch(variant: str, _workspace: Path, _report: Report) -> bytes:
        try:
            return _from_folder(place, variant)
        except OSError as error:
            raise Unavailable(f"{error.filename or place} cannot be read ({error.strerror})") from None

    return fetch


def _from_folder(place: Path, variant: str) -> bytes:
    if not place.is_dir():
        raise Unavailable(f"there is no folder {place}")
    bundle = place / f"pose_landmarker_{variant}.task"
    if bundle.is_file():
        return _checked_bundle(bundle, variant)
    for networks in (place, place / "package"):
        if (networks / _landmarks_name(variant)).is_file():
            return _from_networks({file.name: file.read_bytes() for file in _networks(networks, variant)}, variant)
    for package in sorted(place.glob("mediapipe-pose-*.tgz")):
        return _from_networks(_in_npm_package(package, variant), variant)
    if variant in WHEEL_VARIANTS:
        for wheel in sorted(place.glob("mediapipe-0.10.21-*.whl")):
            return _from_networks(_in_wheel(wheel, variant), variant)
    raise Unavailable(
        f"{place} has no {bundle.name}, and not {_landmarks_name(variant)} with {DETECTOR_NAMES[0]} either"
    )


def model_store(variant: str, _workspace: Path, report: Report) -> bytes:
    """The bundle that Google publishes."""
    import httpx  # noqa: PLC0415 - only an install needs it

    name = f"pose_landmarker_{variant}"
    content = bytearray()
    try:
        with httpx.stream("GET", f"{STORE}/{name}/float16/1/{name}.task", timeout=20, follow_redirects=True) as answer:
            answer.raise_for_status()
            length = answer.headers.get("content-length", "")
            total = int(length) if length.isdigit() else None
            for part in answer.iter_bytes():
                content += part
                report(Progress("Google's model store", len(content), total))
                if len(content) > _LARGEST_BYTES:
                    raise Unavailable("its answer is larger than any model")
    except httpx.HTTPStatusError as error:
        raise Unavailable(f"it answered {error.response.status_code}") from None
    except httpx.HTTPError as error:
        raise Unavailable(f"not reachable, {str(error) or type(error).__name__}") from None
    _check(bytes(content), NETWORKS[variant].published_bundles, f"{name}.task")
    return bytes(content)


def npm_package(variant: str, workspace: Path, report: Report) -> bytes:
    """The networks in Google's npm package, fetched by the `npm` of this machine."""
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable("npm is not installed")
    _run([npm, "pack", NPM_PACKAGE, "--silent", "--pack-destination", str(workspace)], workspace, "npm")
    package = next(workspace.glob("*.tgz"), None)
    if package is None:
        raise Unavailable("npm pack left no package")
    report(Progress("npm package", package.stat().st_size, package.stat().st_size))
    return _from_networks(_in_npm_package(package, variant), variant)


def older_wheel(variant: str, workspace: Path, report: Report) -> bytes:
    """The networks in the last MediaPipe wheel that carried one (full only), fetched by `pip`."""
    if variant not in WHEEL_VARIANTS:
        raise Unavailable(f"it has only {', '.join(WHEEL_VARIANTS)}")
    # The wheel is opened, not installed: any platform's will do, and this one exists.
    platform = ["--platform", "manylinux_2_28_x86_64", "--python-version", "3.11", "--only-binary=:all:"]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download", "--quiet"]
    _run([*pip, "--no-deps", *platform, "--dest", str(workspace), OLDER_WHEEL], workspace, "pip")
    wheel = next(workspace.glob("mediapipe-*.whl"), None)
    if wheel is None:
        raise Unavailable("pip download left no wheel")
    report(Progress("MediaPipe 0.10.21 wheel", wheel.stat().st_size, wheel.stat().st_size))
    return _from_networks(_in_wheel(wheel, variant), variant)


def _landmarks_name(variant: str) -> str:
    return f"pose_landmark_{variant}.tflite"


def _networks(place: Path, variant: str) -> Iterator[Path]:
    for name in (_landmarks_name(variant), *DETECTOR_NAMES):
        if (place / name).is_file():
            yield place / name


def _checked_bundle(bundle: Path, variant: str) -> bytes:
    content = bundle.read_bytes()
    if not is_whole(bundle, NETWORKS[variant].sha256):
        _check(content, NETWORKS[variant].published_bundles, bundle.name)
    return content


def _from_networks(files: Mapping[str, bytes], variant: str) -> bytes:
    landmarks = files.get(_landmarks_name(variant))
    detector_name = next((name for name in DETECTOR_NAMES if name in files), None)
    if landmarks is None or detector_name is None:
        absent = _landmarks_name(variant) if landmarks is None else DETECTOR_NAMES[0]
        raise Unavailable(f"{absent} is missing")
    _check(landmarks, frozenset({NETWORKS[variant].sha256}), _landmarks_name(variant))
    _check(files[detector_name], DETECTORS, detector_name)
    return make_bundle(files[detector_name], landmarks)


def _check(content: bytes, allowed: frozenset[str], name: str) -> None:
    if (found := sha256_of(content)) not in allowed:
        raise Damaged(f"{name} is damaged or another file: its SHA-256 is {found}, not {' or '.join(sorted(allowed))}")


def _in_npm_package(package: Path, variant: str) -> dict[str, bytes]:
    wanted = {f"package/{name}": name for name in (_landmarks_name(variant), *DETECTOR_NAMES)}
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(package) as archive:
            for member in archive:
                content = archive.extractfile(member) if member.name in wanted else None
                if content is not None:
                    with closing(content):
                        found[wanted[member.name]] = content.read(_LARGEST_BYTES)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise Damaged(f"{package.name} cannot be unpacked ({error})") from None
    return found


def _in_wheel(wheel: Path, variant: str) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            return {
                Path(name).name: archive.read(name)
                for name in archive.namelist()
                if name.startswith("mediapipe/modules/pose_")
                and Path(name).name in {_landmarks_name(variant), DETECTOR_NAMES[0]}
            }
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise Damaged(f"{wheel.name} cannot be unpacked ({error})") from None


def _run(command: list[str], workspace: Path, name: str) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=workspace,
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_PACKAGE_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{name} did not end in {_PACKAGE_TIMEOUT_S} s") from None
    if done.returncode != 0:
        raise Unavailable(f"{name} failed, {_last_words(done.stderr, done.stdout)}")


def _last_words(*outputs: bytes) -> str:
    """The line of a failed command that says most: its first error, else its last line."""
    lines = [
        line.strip() for output in outputs for line in output.decode(errors="replace").splitlines() if line.strip()
    ]
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines[-1:] or ["without a word"])[0][:200]
