"""Whether a server that a test needs is on this machine, and what happens when it is not."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import pytest

REQUIRE = "POSTURE_REQUIRE_SERVERS"
"""Set to 1, a missing server fails a test instead of skipping it."""

TOOLS = "POSTURE_REQUIRE_TOOLS"
"""What else this machine has, separated by spaces: Debian's names of packages, and `namespaces` for the right to make
them. Where servers are required, what is named here is too; `.ci/run` names all that it could install."""


def find_program(name: str, folders: Sequence[Path] = ()) -> Path | None:
    """`name` on the PATH, in the folders for system programs, or in `folders`."""
    everywhere = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin", *map(str, folders)])
    found = shutil.which(name, path=everywhere)
    return Path(found) if found else None


def missing(what: str, install: str) -> NoReturn:
    """Skip the running test, or fail it where servers are required."""
    reason = f"{what} is not installed ({install})"
    if os.environ.get(REQUIRE) == "1":
        pytest.fail(f"{reason}, and {REQUIRE}=1 says that it must be")
    pytest.skip(reason)


def lacking(name: str, reason: str) -> NoReturn:
    """Skip the running test for want of `name`, which not every machine can have; fail it where `name` is required."""
    if os.environ.get(REQUIRE) == "1" and name in os.environ.get(TOOLS, "").split():
        pytest.fail(f"{reason}, and {TOOLS} says that {name} is there")
    pytest.skip(f"{reason} ({name})")
