from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from posture_agent.settings import MasterSettings
from posture_agent.worker.settings import WorkerSettings
from posture_shared.exits import Exit, Stop
from posture_shared.settings import MASK, Settings, load


class Database(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
    host: str | None = None
    """Server."""
    password: SecretStr | None = None
    """Password."""


class Example(Settings):
    fps: float = Field(2.0, ge=0.1, le=30)
    """Frames a second, 0.1-30."""
    database: Database = Database()


def read(**arguments: object):
    return load(Example, "master", folders=arguments.pop("folders", []), **arguments)


def test_flags_win_over_environment_over_file_over_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "site.toml"
    file.write_text('[master]\nfps = 3\n[master.database]\nhost = "file"\n')
    assert read().value.fps == 2.0
    assert read(config=file).value.fps == 3
    monkeypatch.setenv("POSTURE_FPS", "4")
    monkeypatch.setenv("POSTURE_DATABASE__HOST", "environment")
    assert read(config=file).value.fps == 4
    loaded = read(config=file, flags={"fps": 5})
    assert loaded.value.fps == 5
    assert loaded.value.database.host == "environment"
    assert loaded.provenance[("database", "host")] == "environment POSTURE_DATABASE__HOST"
    assert loaded.provenance[("fps",)] == "flag --fps"


def test_old_variables_are_understood_and_ours_win(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SUPABASE_HOST", "old")
    aliases = {"SUPABASE_HOST": "database.host"}
    assert read(aliases=aliases).value.database.host == "old"
    monkeypatch.setenv("POSTURE_DATABASE__HOST", "new")
    assert read(aliases=aliases).value.database.host == "new"


def test_a_wrong_value_names_setting_source_and_range(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("POSTURE_FPS", "99")
    with pytest.raises(Stop) as caught:
        read()
    assert caught.value.code == Exit.USAGE
    for part in ("'fps'", "POSTURE_FPS", "99", "0.1-30"):
        assert part in caught.value.sentence
    assert "\n" not in caught.value.sentence


def test_secrets_are_masked_everywhere(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("POSTURE_DATABASE__PASSWORD", "hunter2")
    loaded = read()
    shown = {line.name: line.value for line in loaded.shown()}
    assert shown["database.password"] == MASK
    assert "hunter2" not in repr(loaded)


def test_unknown_names_are_refused(tmp_path: Path):
    file = tmp_path / "site.toml"
    file.write_text("[master]\nfsp = 3\n")
    with pytest.raises(Stop, match="'fsp'"):
        read(config=file)
    file.write_text("[maser]\nfps = 3\n")
    with pytest.raises(Stop, match="'maser'"):
        read(config=file)


def test_a_missing_or_broken_file_is_one_clear_sentence(tmp_path: Path):
    with pytest.raises(Stop, match="cannot be read"):
        read(config=tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("[master\n")
    with pytest.raises(Stop, match="not TOML"):
        read(config=broken)


def test_files_of_a_folder_are_read_in_name_order(tmp_path: Path):
    (tmp_path / "10-a.toml").write_text("[master]\nfps = 3\n")
    (tmp_path / "20-b.toml").write_text("[master]\nfps = 6\n")
    assert read(folders=[tmp_path]).value.fps == 6


def test_a_wrong_part_of_a_list_names_the_file_that_it_is_from(tmp_path: Path):
    file = tmp_path / "site.toml"
    file.write_text("[[master.timeline.alerts.webhooks]]\nurl = 'https://example.org'\nkind = 'slack'\n")
    with pytest.raises(Stop, match=r"webhooks\.0\.kind' from file .*site\.toml"):
        load(MasterSettings, "master", config=file, folders=())


def test_a_setting_that_must_be_given_is_called_missing():
    with pytest.raises(Stop, match=r"^setting 'master' is missing \(Where the master listens"):
        load(WorkerSettings, "worker", folders=())


def test_a_file_for_a_newer_version_of_the_settings_is_refused_in_words(tmp_path: Path):
    file = tmp_path / "site.toml"
    file.write_text("version = 1\n[master]\nfps = 3\n")
    assert read(config=file).value.fps == 3
    file.write_text("version = 2\n[master]\nfps = 3\nnot_invented_yet = true\n")
    with pytest.raises(
        Stop, match=r"site\.toml is written for version 2 .* knows up to 1: install the release"
    ) as caught:
        read(config=file)
    assert caught.value.code == Exit.USAGE
    for wrong in ("'1'", "0", "true", "1.5"):
        file.write_text(f"version = {wrong}\n")
        with pytest.raises(Stop, match="'version' must be a whole number"):
            read(config=file)
