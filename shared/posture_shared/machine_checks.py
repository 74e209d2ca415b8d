"""Checks of a machine that every program needs: libraries, disk, clock, CPU, key files."""

import os
import shutil
import stat
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Final

from posture_shared import keys
from posture_shared.checks import Finding, failed, masked, ok, skipped, warning
from posture_shared.exits import Stop

CLOCK_S: Final = 2.0
"""A clock that is further off than this is worth a word."""
_LEAST_FREE_BYTES: Final = 8 * 1024 * 1024
"""With less free a disk is full, whatever is set: a few pictures, or a turn of SQLite's log."""
_IMPORT_S: Final = 60.0
_LIBRARIES: Final = {"libEGL": "libegl1", "libGLES": "libgles2", "libGL.": "libgl1", "libglib": "libglib2.0-0"}
_WANTED: Final = {"x86_64": ("avx", "avx2", "fma"), "aarch64": ("asimd",)}


def library(name: str) -> Finding:
    """Whether a Python library loads; in a process of its own, for a crash while loading is a finding too."""
    check = f"library {name}"
    code = f"import {name}; print(getattr({name}, '__version__', ''))"
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=_IMPORT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return failed(check, f"does not load within {_IMPORT_S:g} s", "see whether the disk or the memory is too slow")
    if done.returncode == 0:
        return ok(check, done.stdout.strip().splitlines()[-1] if done.stdout.strip() else "loads")
    said = done.stderr.strip().splitlines()
    last = masked(said[-1]) if said else f"ended with signal {-done.returncode}"
    return failed(check, f"does not load: {last}", _library_advice(name, last))


def _library_advice(name: str, said: str) -> str:
    missing = next((package for library, package in _LIBRARIES.items() if library in said), None)
    if missing is not None:
        return f"apt-get install {missing}"
    if "No module named" in said:
        return f"install it: pip install 'posture-edge[all]' brings {name}"
    return "install the distribution again in a virtual environment of its own"


def installation(*, prefix: str = sys.prefix, base: str = sys.base_prefix) -> Finding:
    """Whether the program has its libraries for itself, so that no other's upgrade changes them."""
    check = "installation"
    if prefix == base:
        advice = "python3 -m venv /opt/posture, install there, and run it from there"
        return warning(check, f"runs outside a virtual environment of its own ({prefix})", advice)
    return ok(check, f"in the virtual environment {prefix}")


def disk(check: str, folder: Path, *, least_bytes: int) -> Finding:
    """Whether `folder`, or the nearest one above it that exists, can be written and has room."""
    there = next((place for place in (folder, *folder.absolute().parents) if place.exists()), Path("/"))
    if not there.is_dir():
        return failed(check, f"{folder} cannot be made: {there} is a file", "name another folder in the settings")
    if os.statvfs(there).f_flag & os.ST_RDONLY:
        advice = "mount it for writing; a card turns so by itself when it is worn out (dmesg): change it"
        return failed(check, f"{there} cannot be written: its file system is read-only", advice)
    if not os.access(there, os.W_OK | os.X_OK):
        return failed(check, f"{there} cannot be written by this user", f"chown it to the user of the service: {there}")
    free, least_bytes = shutil.disk_usage(there).free, max(least_bytes, _LEAST_FREE_BYTES)
    text = f"{folder}: {_size(free)} free"
    if free < least_bytes:
        return failed(check, f"{text}, {_size(least_bytes)} are to stay free", "make room on this disk")
    return ok(check, text)


def clock() -> Finding:
    """Whether something keeps this machine's clock right."""
    check, tool = "clock", shutil.which("timedatectl")
    if tool is None:
        return skipped(check, "timedatectl is not here to ask whether the clock is kept right")
    said = subprocess.run(
        [tool, "show", "-p", "NTPSynchronized", "--value"], capture_output=True, text=True, timeout=10, check=False
    ).stdout.strip()
    if said == "yes":
        return ok(check, "kept right by NTP")
    if said == "no":
        return warning(check, "not synchronised", "timedatectl set-ntp true, or install chrony")
    return skipped(check, "the system does not say whether the clock is kept right")


def clock_against(check: str, theirs: datetime, ours: datetime, *, whose: str, slack_s: float = CLOCK_S) -> Finding:
    """This machine's clock beside another's."""
    ahead_s = (ours - theirs).total_seconds()
    if abs(ahead_s) <= slack_s:
        return ok(check, f"within {slack_s:g} s of {whose}")
    word = "ahead of" if ahead_s > 0 else "behind"
    text = f"this machine's clock is {abs(ahead_s):.0f} s {word} {whose}"
    return warning(check, text, "timedatectl set-ntp true on both machines")


def cpu(*, info: Path = Path("/proc/cpuinfo"), machine: str | None = None) -> Finding:
    """How many cores, and whether they have the instructions that the pose model is built for."""
    check, machine = "cpu", machine or os.uname().machine
    cores = os.cpu_count() or 1
    wanted = _WANTED.get(machine)
    if wanted is None:
        return failed(check, f"{machine}: MediaPipe is built for x86_64 and aarch64", "use a 64-bit system")
    lines = info.read_text(errors="replace").splitlines()
    flags = {flag for line in lines if line.startswith(("flags", "Features")) for flag in line.split(":")[1].split()}
    absent = [flag for flag in wanted if flag not in flags]
    if absent:
        return warning(check, f"{cores} cores, without {', '.join(absent)}", "analysis is slow here; use another node")
    return ok(check, f"{cores} cores, {machine}")


def key(check: str, file: Path | None) -> Finding:
    """Whether a key file can be used and nobody else can read it."""
    if file is None:
        return skipped(check, "no key file is set")
    try:
        pair = keys.read_key(file)
    except Stop as stop:
        return failed(check, stop.sentence, "copy NAME.key from the master again and chmod 600 it")
    return ok(check, f"{pair.role} {pair.name} {keys.fingerprint(pair.public)}")


def private_folder(check: str, folder: Path) -> Finding:
    """Whether only its owner can look into `folder`."""
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o077:
        return warning(check, f"{folder} can be looked into by others (mode {mode:o})", f"chmod 700 {folder}")
    return ok(check, f"{folder}, mode {mode:o}")


def _size(count: float) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"
