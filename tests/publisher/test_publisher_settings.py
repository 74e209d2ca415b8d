"""What the publisher is told, and what it says when that makes no sense."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from posture_publisher.cli import cli
from posture_publisher.settings import broker_address
from posture_shared.exits import Exit, Stop


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def stopped(*arguments: str) -> Stop:
    result = invoke(*arguments)
    assert isinstance(result.exception, Stop), result.output
    assert result.exception.code == Exit.USAGE
    return result.exception


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("broker.local", "broker.local", None),
        ("10.0.0.2:8883", "10.0.0.2", 8883),
        ("[::1]:1884", "::1", 1884),
        ("[fe80::1%eth0]", "fe80::1%eth0", None),
    ],
)
def test_broker_addresses(text: str, host: str, port: int | None):
    assert broker_address(text) == (host, port)


@pytest.mark.parametrize("text", ["", "a:b", "host:0", "host:70000", "::1", "two words:1"])
def test_what_is_no_broker_address_is_refused(text: str):
    with pytest.raises(Stop, match="is not HOST or HOST:PORT"):
        broker_address(text)


def test_show_tells_each_value_and_its_source_and_masks_the_password(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    file = tmp_path / "publisher.toml"
    file.write_text('[publisher]\nsource = "camera:0"\nspool.folder = "/var/spool/posture"\n')
    monkeypatch.setenv("POSTURE_BROKER__PASSWORD", "secret")
    monkeypatch.setenv("POSTURE_FPS", "4")
    result = invoke("config", "show", "--json", "--config", str(file), "--pi-id", "pi1", "--broker", "b:1884")
    shown = json.loads(result.output)
    assert "secret" not in result.output
    assert shown["fps"] == {"value": 4.0, "source": "environment POSTURE_FPS"}
    assert shown["source"]["source"] == f"file {file}"
    assert shown["pi_id"] == {"value": "pi1", "source": "flag --pi-id"}
    assert (shown["broker.host"]["value"], shown["broker.port"]["value"]) == ("b", 1884)
    assert shown["broker.password"]["value"] == "********"
    assert shown["spool.folder"]["value"] == "/var/spool/posture"


def test_show_works_before_anything_is_set():
    result = invoke("config", "show")
    assert result.exit_code == 0
    assert "broker.port" in result.output


def test_a_camera_without_name_or_source_is_asked_for_it():
    assert "--pi-id is missing" in stopped("run").sentence
    assert "--source is missing" in stopped("run", "--pi-id", "pi1").sentence


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--pi-id", "a/b"),
        ("--pi-id", "master"),
        ("--fps", "0"),
        ("--quality", "5"),
        ("--size", "640"),
        ("--size", "0x9"),
    ],
)
def test_a_value_outside_its_range_is_named_with_its_flag(flag: str, value: str):
    stop = stopped("run", "--pi-id", "pi1", "--source", "synthetic", flag, value)
    assert f"from flag {flag}" in stop.sentence


def test_an_unknown_key_in_the_file_is_named(tmp_path: Path):
    file = tmp_path / "publisher.toml"
    file.write_text("[publisher]\nfpss = 3\n")
    assert "'fpss'" in stopped("config", "show", "--config", str(file)).sentence
