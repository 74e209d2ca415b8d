"""The publisher as a systemd service: what `install` lays out and what comes before its first start."""

import sys
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final

from posture_publisher.settings import PublisherSettings
from posture_shared.install_report import as_its_unit, carry_out, credential
from posture_shared.installation import CONFIGURATION, STATE, Program
from posture_shared.settings import load
from posture_shared.settings_file import commented

_HEAD: Final = """Settings of the Posture Edge camera, written once by `posture-publisher install`.
Every setting stands here with its default; take the # away to change one. The broker's password does not belong here
but in a file of its own: see the folder credentials/ beside this file.
`posture-publisher config show` says what holds; docs/configuration.md has it all."""


def make_service(given: Mapping[str, Any], *, root: Path, dry_run: bool) -> None:
    """Install the camera with these settings, by dotted names; None: not given.

    Raises:
        Stop: a setting is wrong, or it cannot be installed.
    """
    given = {name: value for name, value in given.items() if value is not None and name != "config"}
    load(PublisherSettings, "publisher", flags=given, folders=[])  # a wrong one ends here, not at each start
    settings = {"spool.folder": STATE / "spool", **given}
    text = commented(PublisherSettings, "publisher", head=_HEAD, given=settings)
    unit = resources.files("posture_publisher").joinpath("posture-publisher.service").read_text(encoding="utf-8")
    program = Program("publisher", unit, text, ("broker.password",))
    file = CONFIGURATION / "publisher.toml"
    missing = [name for name in ("pi_id", "source", "broker.host") if name not in given]
    carry_out(
        program,
        root=root,
        dry_run=dry_run,
        before_start=[
            f"edit {file}{': ' if missing else ''}{', '.join(missing)}",
            f"where the broker wants a password: {credential(program, 'broker.password')}",
            as_its_unit(program, f"{sys.prefix}/bin/posture-publisher doctor"),
        ],
    )
