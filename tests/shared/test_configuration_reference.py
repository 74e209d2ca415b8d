"""The page of settings is what the models say, and `config show` shows every role."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from posture_agent.cli import cli
from posture_agent.settings import MasterSettings
from posture_agent.worker.settings import WorkerSettings
from posture_console.settings import ConsoleSettings
from posture_publisher.settings import PublisherSettings
from posture_shared.settings_reference import Setting, settings_of

ROOT = Path(__file__).resolve().parents[2]
MODELS = (MasterSettings, WorkerSettings, PublisherSettings, ConsoleSettings)


def named(name: str, model: type = MasterSettings) -> Setting:
    return next(one for one in settings_of(model) if f"{one.group}.{one.name}".lstrip(".") == name)


def test_the_page_is_current() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "configuration", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_setting_is_explained(model: type) -> None:
    assert [one for one in settings_of(model) if not one.help] == []


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_number_has_a_range(model: type) -> None:
    numbers = [one for one in settings_of(model) if one.kind in ("number", "whole number")]
    assert numbers
    assert [f"{one.group}.{one.name}" for one in numbers if not one.limits] == []


def test_a_setting_is_told_with_type_default_range_and_variable() -> None:
    high = named("placement.high")
    assert (high.kind, high.default, high.limits) == ("number", "`60`", "≥ 1, ≤ 100")
    assert high.variable == "POSTURE_PLACEMENT__HIGH"
    assert named("master", WorkerSettings).default == "must be set"
    assert named("node_name").default == "the host's name"
    assert named("database.password").kind == "secret"
    assert named("timeline.alerts.webhooks.*.format").kind == "`json`, `ntfy`, `slack`"
    assert named("contexts.NAME.connect", ConsoleSettings).kind == "text"


def test_no_default_is_this_machines_own() -> None:
    defaults = [one.default for model in MODELS for one in settings_of(model)]
    assert [default for default in defaults if str(Path.home()) in default.replace("~", "")] == []


def test_config_show_tells_both_roles_or_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTURE_THREADS", "3")
    rows = json.loads(CliRunner().invoke(cli, ["config", "show", "--json"]).stdout)
    assert {row["role"] for row in rows} == {"master", "worker"}
    done = CliRunner().invoke(cli, ["config", "show", "--role", "worker", "--json"])
    found = {row["name"]: row for row in json.loads(done.stdout)}
    assert found["threads"]["value"] == 3
    assert found["threads"]["source"] == "environment POSTURE_THREADS"
    assert found["master"]["source"] == "not set; it must be"
    text = CliRunner().invoke(cli, ["config", "show"]).stdout.splitlines()
    assert [line for line in text if line.startswith("[")] == ["[master]", "[worker]"]
