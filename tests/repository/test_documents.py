"""The documents name files that are there, and commands that make knows."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
PACKAGES = ["agent/posture_agent", "console/posture_console", "publisher/posture_publisher", "shared/posture_shared"]

LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)")
NAMED_FILE = re.compile(r"`((?:[\w-]+/)*[\w-]+\.py)`")
MAKE = re.compile(r"\bmake ([a-z][a-z-]+)\b")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_links_lead_to_files(document: Path) -> None:
    links = [link for link in LINK.findall(document.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_named_files_exist(document: Path) -> None:
    """A file may be named from the root, from its package, or by its name alone after its folder was named."""
    names = set(NAMED_FILE.findall(document.read_text(encoding="utf-8")))
    assert sorted(name for name in names if not _found(name)) == []


def _found(name: str) -> bool:
    if (ROOT / name).exists() or any((ROOT / package / name).exists() for package in PACKAGES):
        return True
    return any(next((ROOT / package).rglob(name), None) for package in PACKAGES)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_make_targets_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    code = re.findall(r"```.*?```|`[^`\n]+`", document.read_text(encoding="utf-8"), re.DOTALL)
    assert {target for part in code for target in MAKE.findall(part)} - targets == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_a_file_of_logins_is_for_the_broker_alone(document: Path) -> None:
    """mosquitto_passwd makes it readable for everybody."""
    for block in re.findall(r"^```sh$.*?^```$", document.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        for made in re.findall(r"mosquitto_passwd -c (/etc/\S+)", block):
            after = block.rpartition("mosquitto_passwd")[2]
            assert f"chgrp mosquitto {made}\n" in after, made
            assert f"chmod 0640 {made}\n" in after, made
