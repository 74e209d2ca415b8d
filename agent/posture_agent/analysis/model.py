"""Where the pose model lies on this machine, and how it gets there.

One file for each size in one folder: `$POSTURE_MODEL_DIR`, else that of the installed service for whoever may write
there, else the user's cache. Installing tries the sources of
`model_sources` in order and puts a whole, checked file in place with one rename, so that processes may open it at
any time; two installs at once wait for each other.
"""

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import platformdirs

from posture_agent.analysis import model_sources
from posture_agent.analysis.bundle import is_whole
from posture_agent.analysis.model_sources import NETWORKS, Damaged, Progress, Report, Source, Unavailable, sha256_of
from posture_shared.exits import Exit, Stop
from posture_shared.installation import STATE

VARIANTS: Final = tuple(NETWORKS)
FOLDER_VARIABLE: Final = "POSTURE_MODEL_DIR"

ALREADY_INSTALLED: Final = "already installed"
"""The one step that is reported when there is nothing to do."""

_FETCH_ROOM_BYTES: Final = 150_000_000
"""Free space that the largest package and the bundle made of it may need at one time."""
_COPY_ROOM_BYTES: Final = 40_000_000
"""Free space for the largest bundle alone."""


def model_folder() -> Path:
    """The folder of the installed models; it need not exist."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named)
    # What root installs or has examined here is the service's, not root's.
    shared = os.access(STATE, os.W_OK)
    return (STATE if shared else Path(platformdirs.user_cache_dir("posture"))) / "models"


def model_path(variant: str) -> Path:
    """The installed bundle of `variant` (lite, full, heavy).

    Raises:
        Stop: it is not installed; the sentence names the command that installs it.
    """
    path = _place(variant)
    if not path.is_file():
        raise Stop(
            f"the pose model '{variant}' is not installed in {path.parent}: "
            f"run 'posture-agent model install --variant {variant}'"
        )
    return path


def is_installed(variant: str) -> bool:
    """Whether the bundle of `variant` is in place with every byte as published."""
    return _installed(_place(variant), variant)


def install(variant: str, *, source_dir: Path | None = None, progress: Report | None = None) -> Path:
    """Put the bundle of `variant` in place, unless a whole one is there already, and return its path.

    Args:
        variant: lite, full or heavy.
        source_dir: take it from this folder and from nowhere else.
        progress: called with every step of the way, from this thread.

    Raises:
        Stop: no source has it, a file in `source_dir` is damaged, or it cannot be written.
    """
    path, report = _place(variant), progress or _silent
    if _installed(path, variant):
        report(Progress(ALREADY_INSTALLED, path.stat().st_size, path.stat().st_size))
        return path
    room_bytes = _FETCH_ROOM_BYTES if source_dir is None else _COPY_ROOM_BYTES
    with _writing(path.parent, room_bytes), _alone(path.parent, report):
        if _installed(path, variant):  # another install finished while this one waited
            return path
        _remove_remains(path.parent)
        with tempfile.TemporaryDirectory(prefix=_REMAINS, dir=path.parent) as workspace:
            bundle = _fetch(variant, source_dir, Path(workspace), report)
            _put_in_place(bundle, Path(workspace) / path.name, path)
    report(Progress("installed", len(bundle), len(bundle)))
    return path


def _place(variant: str) -> Path:
    if variant not in NETWORKS:
        raise Stop(f"there is no pose model '{variant}' (allowed: {', '.join(VARIANTS)})", Exit.USAGE)
    return model_folder() / f"pose_landmarker_{variant}.task"


def _installed(path: Path, variant: str) -> bool:
    if not path.is_file():
        return False
    network = NETWORKS[variant]
    return is_whole(path, network.sha256) or sha256_of(path.read_bytes()) in network.published_bundles


def _fetch(variant: str, source_dir: Path | None, workspace: Path, report: Report) -> bytes:
    reasons: list[str] = []
    for name, source in _sources(source_dir):
        report(Progress(name, 0, None))
        try:
            return source(variant, workspace, report)
        except Damaged as damaged:
            if source_dir is not None:
                raise Stop(f"{damaged}; nothing was installed") from None
            reasons.append(f"{name}: {damaged}")
        except Unavailable as absent:
            if source_dir is not None:
                raise Stop(f"{absent}; nothing was installed", Exit.USAGE) from None
            reasons.append(f"{name}: {absent}")
    raise Stop(
        f"the pose model '{variant}' cannot be fetched ({'; '.join(reasons)}); copy {_place(variant).name} from a "
        f"machine that has it and run 'posture-agent model install --variant {variant} --from FOLDER'",
        Exit.UNREACHABLE,
    )


def _sources(source_dir: Path | None) -> list[tuple[str, Source]]:
    if source_dir is not None:
        return [(str(source_dir), model_sources.folder(source_dir))]
    return [
        ("Google's model store", model_sources.model_store),
        ("npm package", model_sources.npm_package),
        ("MediaPipe 0.10.21 wheel", model_sources.older_wheel),
    ]


def _put_in_place(bundle: bytes, temporary: Path, path: Path) -> None:
    with temporary.open("wb") as file:
        file.write(bundle)
        file.flush()
        os.fsync(file.fileno())
    temporary.chmod(0o644)
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


_REMAINS: Final = ".install-"


def _remove_remains(folder: Path) -> None:
    """Remove what a killed install left; the caller holds the lock, so nobody is at work in there."""
    for remains in folder.glob(f"{_REMAINS}*"):
        shutil.rmtree(remains, ignore_errors=True)


@contextmanager
def _alone(folder: Path, report: Report) -> Iterator[None]:
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report(Progress("waiting for another install", 0, None))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _writing(folder: Path, room_bytes: int) -> Iterator[None]:
    """The folder exists and has room; what the disk refuses becomes a sentence."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _require_room(folder, room_bytes)
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise Stop(
                f"the disk of {folder} is full ({error.strerror}): make room or name another folder in "
                f"{FOLDER_VARIABLE}; nothing was installed"
            ) from None
        raise Stop(
            f"the model folder {folder} cannot be written ({error.strerror}): name another one in {FOLDER_VARIABLE}"
        ) from None


def _require_room(folder: Path, room_bytes: int) -> None:
    if (free := shutil.disk_usage(folder).free) < room_bytes:
        raise OSError(errno.ENOSPC, f"{free // 1_000_000} MB are free, {room_bytes // 1_000_000} are needed")


def _silent(_progress: Progress) -> None:
    return
