"""How pictures are drawn is remembered for each kind of terminal, and nothing fails where it cannot be."""

from pathlib import Path

import pytest

from posture_console.remembered import PictureMemory
from posture_console.widgets import terminal_pictures
from posture_console.widgets.terminal_probe import Graphics

KITTY = {"TERM": "xterm-kitty"}
TMUX = {"TERM": "xterm-kitty", "TMUX": "/tmp/tmux"}  # noqa: S108 - a name, no file


def test_the_next_run_in_such_a_terminal_draws_as_was_chosen(tmp_path: Path) -> None:
    file = tmp_path / "state" / "console.json"
    PictureMemory(file, KITTY).keep("figure")
    PictureMemory(file, TMUX).keep("blocks")
    assert PictureMemory(file, KITTY).recall() == "figure"
    assert PictureMemory(file, TMUX).recall() == "blocks"
    assert PictureMemory(file, {"TERM": "linux"}).recall() is None
    assert [found.name for found in file.parent.iterdir()] == ["console.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pictures": 7}', b'{"other": {}}', b"\xff\x00"])
def test_a_broken_file_is_as_none_and_is_replaced(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "console.json"
    file.write_bytes(content)
    memory = PictureMemory(file, KITTY)
    assert memory.recall() is None
    memory.keep("blocks")
    assert memory.recall() == "blocks"


def test_a_place_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    memory = PictureMemory(tmp_path / "file" / "console.json", KITTY)
    memory.keep("blocks")
    assert memory.recall() is None


@pytest.mark.parametrize(
    ("wanted", "remembered", "drawn"),
    [
        ("auto", None, "blocks"),
        ("auto", "figure", "figure"),
        ("auto", "no such mode", "blocks"),
        ("blocks", "figure", "blocks"),
        ("figure", "kitty", "figure"),
    ],
)
def test_a_mode_that_is_named_wins_over_the_remembered_one(
    monkeypatch: pytest.MonkeyPatch, wanted: str, remembered: str | None, drawn: str
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("TERM_PROGRAM", "TMUX", "STY"):
        monkeypatch.delenv(name, raising=False)
    assert terminal_pictures.prepare(wanted, remembered) == drawn


class _Terminal:
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("remembered", "drawn"), [(None, "kitty"), ("blocks", "blocks"), ("figure", "figure")])
def test_graphics_that_were_turned_off_can_be_turned_on_again(
    monkeypatch: pytest.MonkeyPatch, remembered: str | None, drawn: str
) -> None:
    for name in ("TERM_PROGRAM", "TMUX", "STY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-kitty")
    monkeypatch.setattr(terminal_pictures.sys, "__stdout__", _Terminal())
    monkeypatch.setattr(terminal_pictures.sys, "__stdin__", _Terminal())
    monkeypatch.setattr(terminal_pictures, "_prepared", {})
    monkeypatch.setattr(terminal_pictures, "_load", lambda _graphics: None)
    monkeypatch.setattr(terminal_pictures, "ask", lambda: Graphics(kitty=True))
    assert terminal_pictures.prepare("auto", remembered) == drawn
    assert terminal_pictures.ready_modes() == ("kitty",)
