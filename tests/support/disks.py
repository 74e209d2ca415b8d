"""Disks that are small, full, or read-only. Making them needs the right to mount."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.servers import lacking


@contextmanager
def small(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own at `folder`, of `size` ("48m")."""
    folder.mkdir()
    _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder)
    with _mounted(folder):
        yield folder


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """What lies in `folder` can be read and not changed."""
    _mount("--bind", folder, folder)
    with _mounted(folder):
        _mount("-o", "remount,ro,bind", folder)
        yield


def fill(file: Path) -> None:
    """Write until nothing more fits."""
    with file.open("ab", buffering=0) as full:
        for size in (2**20, 4096, 1):
            try:
                while True:
                    full.write(bytes(size))
            except OSError:
                continue


@contextmanager
def _mounted(folder: Path) -> Iterator[None]:
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def _mount(*words: str | Path) -> None:
    done = subprocess.run(["mount", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lacking("namespaces", f"a small file system needs the right to mount: {done.stderr.strip()}")
