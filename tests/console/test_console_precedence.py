"""Which word counts: the command line's, then a context's, then that of files and environment."""

from pathlib import Path
from typing import Any

import pytest

from posture_console import app
from posture_console.cli import cli
from posture_console.commands.options import Chosen
from posture_console.settings import Target
from posture_shared.exits import run

FILE = """
[console]
key = "/keys/everywhere.key"
theme = "posture-safe"
[console.contexts.lab]
connect = "tcp://10.0.0.5:5571"
key = "/keys/lab.key"
theme = "posture-light"
[console.contexts.plain]
connect = "tcp://10.0.0.6:5571"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "site.toml"
    file.write_text(FILE)
    return file


def target(config: Path, **given: Any) -> Target:
    chosen = Chosen({"config": config, **given})
    return chosen.target(chosen.loaded().value)


def test_a_context_wins_over_the_file(config: Path) -> None:
    site = target(config, context="lab")
    assert (site.key, site.theme, site.name) == (Path("/keys/lab.key"), "posture-light", "lab")


def test_a_context_wins_over_the_environment(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTURE_KEY", "/keys/environment.key")
    assert target(config, context="lab").key == Path("/keys/lab.key")


def test_the_file_speaks_where_the_context_says_nothing(config: Path) -> None:
    site = target(config, context="plain")
    assert (site.key, site.theme) == (Path("/keys/everywhere.key"), "posture-safe")


def test_flags_win_over_a_context(config: Path) -> None:
    site = target(config, context="lab", key=Path("/keys/mine.key"), theme="posture-mono")
    assert (site.key, site.theme, site.name) == (Path("/keys/mine.key"), "posture-mono", "lab")
    site = target(config, context="lab", connect="tcp://10.9.9.9:5571")
    assert (site.endpoint.control, site.name) == ("tcp://10.9.9.9:5571", None)


def test_the_programs_exit_code_is_the_screens(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "run_console", lambda _settings, _target: 3)
    monkeypatch.setattr("sys.argv", ["posture-console", "--config", str(config)])
    with pytest.raises(SystemExit) as ended:
        run(cli)
    assert ended.value.code == 3
