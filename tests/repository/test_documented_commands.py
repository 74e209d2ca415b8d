"""The documents' commands exist, and those that a test machine can run are run, page by page as they stand.

A page's shell blocks are one script, in a folder that looks like the repository, with a home of their own and, where
the kernel allows it, a network of their own, so that the default ports are free. A block that begins with
`# needs …` is given that (a site, a PostgreSQL, a key: `document_needs`), or is not run where no test machine has it.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from posture_agent.cli import cli as agent
from posture_agent.settings import MasterSettings
from posture_agent.worker.settings import WorkerSettings
from posture_console.cli import cli as console
from posture_console.settings import ConsoleSettings
from posture_publisher.cli import cli as publisher
from posture_publisher.settings import PublisherSettings
from posture_shared.settings import Settings, load
from support.document_needs import NOT_HERE, PROVIDED, need, require_tools, script, with_stand_ins
from support.images import photographs
from support.servers import lacking

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PROGRAMS: dict[str, click.Command] = {
    "posture-agent": agent,
    "posture-publisher": publisher,
    "posture-console": console,
}
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`([^`]+)`")
CALL = re.compile(r"(?:^|[\s/`(])(posture-(?:agent|publisher|console))((?:[ \t]+[^\s`;&|>#]+|[ \t]*\|(?=--))*)")
MAKE = re.compile(r"^make .*\n", re.MULTILINE)
VERB = re.compile(r"[a-z][a-z-]+")
COMMAND = re.compile(r"^(?:\S*/)?(?:posture-\w+|make|kubectl|docker|buildah|sudo|curl|pip|git) ", re.MULTILINE)
PREAMBLE = "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n"
ISOLATED = ["unshare", "--net", "--", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]


def blocks(document: Path, language: str) -> list[str]:
    found = FENCE.findall(document.read_text(encoding="utf-8"))
    return [text for _, named, text in found if named == language]


def calls(document: Path) -> Iterator[tuple[str, list[str]]]:
    """Every call of one of our programs: in blocks, and between backticks."""
    text = document.read_text(encoding="utf-8")
    code = [block for _, _, block in FENCE.findall(text)] + INLINE.findall(FENCE.sub("", text))
    for part in code:
        for program, words in CALL.findall(part.replace("\\\n", " ")):
            yield program, re.split(r"[\s\[\]()|]+", words.strip())


def unknown(program: str, words: list[str]) -> str | None:
    """What of a call is no verb or flag of the program."""
    command, flags = PROGRAMS[program], {"--help", "-h", "--version"}
    verb_expected = True
    for word in (word.rstrip(":,.") for word in words):
        flags |= {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
        below = command.get_command(click.Context(command), word) if isinstance(command, click.Group) else None
        if below is not None:
            command = below
            verb_expected = isinstance(command, click.Group)
            continue
        if word.startswith("--") and word.partition("=")[0] not in flags:
            return word
        if verb_expected and VERB.fullmatch(word):
            return word
        verb_expected = False
    return None


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_verbs_and_flags_exist(document: Path) -> None:
    wrong = [(program, *words) for program, words in calls(document) if unknown(program, words)]
    assert wrong == []


def test_a_verb_or_flag_that_does_not_exist_is_noticed() -> None:
    assert unknown("posture-agent", ["analyse", "x.jpg"]) == "analyse"
    assert unknown("posture-agent", ["analyze", "x.jpg", "--jsn"]) == "--jsn"
    assert unknown("posture-agent", ["keys", "creat"]) == "creat"
    assert (
        unknown(
            "posture-console", ["--connect", "tcp://h:1", "override", "set", "--all", "--local", "--reason", "TEXT"]
        )
        is None
    )


MODELS: dict[str, type[Settings]] = {
    "master": MasterSettings,
    "worker": WorkerSettings,
    "publisher": PublisherSettings,
    "console": ConsoleSettings,
}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_settings_in_examples_are_understood(document: Path, tmp_path: Path) -> None:
    for number, example in enumerate(blocks(document, "toml")):
        file = tmp_path / f"{number}.toml"
        file.write_text(example, encoding="utf-8")
        for program in tomllib.loads(example).keys() - {"version"}:
            examples = {"master": "tcp://HOST:5570"} if program == "worker" else {}
            load(MODELS[program], program, config=file, folders=(), examples=examples)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_blocks_of_commands_say_that_they_are(document: Path) -> None:
    """Only what is marked `sh` is run; a block without a word is a drawing or a line of output."""
    assert [block for block in blocks(document, "") if COMMAND.search(block)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_what_a_block_needs_is_given_or_known_to_be_absent(document: Path) -> None:
    needs = {need(block) for block in blocks(document, "sh")} - {None}
    assert needs - PROVIDED.keys() - NOT_HERE == set()


def runnable(document: Path) -> list[str]:
    """The blocks without what `make` does, which has tests of its own."""
    found = [block for block in blocks(document, "sh") if need(block) not in NOT_HERE]
    return [block for block in (MAKE.sub("", block) for block in found) if block.strip()]


RUN = [document for document in DOCUMENTS if runnable(document)]


@pytest.mark.integration
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("document", RUN, ids=lambda file: file.name)
def test_commands_work_as_they_stand(document: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    for entry in ROOT.iterdir():
        if entry.name not in (".git", ".venv", "Makefile"):
            (work / entry.name).symlink_to(entry)
    if "picture.jpg" in "".join(runnable(document)):
        shutil.copy(photographs("side_left")[0].path, work / "picture.jpg")
    commands = "\n".join(script(block) for block in runnable(document))
    require_tools(commands)
    postgres = request.getfixturevalue("postgres") if "db.example:5432" in commands else None
    commands = with_stand_ins(commands, postgres)
    done = subprocess.run(
        [*_isolation(commands), "bash", "-c", f"{PREAMBLE}{commands}"],
        cwd=work,
        env=_environment(home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, f"{document.name}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


def _isolation(commands: str) -> list[str]:
    """A network of its own for what listens on the default ports."""
    if "mosquitto -c" not in commands:
        return []
    tried = subprocess.run([*ISOLATED, "true"], capture_output=True, check=False) if shutil.which("unshare") else None
    if tried is None or tried.returncode != 0:
        lacking("namespaces", "no network of its own may be made here, and the default ports may be taken")
    return ISOLATED


def _environment(home: Path) -> dict[str, str]:
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("POSTURE_", "SUPABASE_", "XDG_"))
    }
    models = Path(os.environ.get("POSTURE_MODEL_DIR", Path.home() / ".cache" / "posture" / "models"))
    path = f"{Path(sys.executable).parent}:{clean.get('PATH', '')}:/usr/sbin:/sbin"
    return {**clean, "HOME": str(home), "PATH": path, "POSTURE_MODEL_DIR": str(models)}
