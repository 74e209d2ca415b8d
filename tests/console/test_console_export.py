"""Rows for other programs: what is shown goes out, in its order, and nothing in it becomes a formula."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from posture_console.app import ConsoleApp
from posture_console.core.export import as_csv, as_json
from posture_console.core.rows.cameras import CAMERAS, cameras
from posture_console.core.store import SiteStore
from posture_console.widgets.live_table import LiveTable
from support.hostile import everywhere

NewApp = Callable[..., ConsoleApp]
Until = Callable[..., Any]


@pytest.mark.parametrize("name", ["=cmd|calc", '@SUM("1"),b', "+1", "-1"])
def test_no_name_becomes_a_formula(name: str) -> None:
    store = SiteStore()
    store.load(everywhere(name), 0.0)
    row = next(csv.DictReader(as_csv(CAMERAS, cameras(store)).splitlines()))
    assert row["camera"] == f"'{name}"


def test_json_is_the_records_themselves() -> None:
    store = SiteStore()
    store.load(everywhere("cam"), 0.0)
    assert json.loads(as_json(cameras(store)))[0]["camera"]["pi_id"] == "cam"


@pytest.mark.parametrize("form", ["csv", "json"])
async def test_key_writes_the_rows_shown(
    new_app: NewApp, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.chdir(tmp_path)
    app = new_app()
    async with app.run_test(size=(120, 30), notifications=True) as pilot:
        await until(lambda: app.link.connection.is_live)
        await pilot.press("2")
        await until(lambda: app.screen.query_one("#table", LiveTable).total == 4)
        await pilot.press("slash", *"pi3", "enter", "e" if form == "csv" else "E")
        await until(lambda: bool(written(tmp_path)))
        (file,) = written(tmp_path)
        assert file.endswith(form)
        assert "pi3" in content(tmp_path / file)
        assert "pi2" not in content(tmp_path / file)


async def test_copy_takes_the_row_under_the_cursor(new_app: NewApp, until: Until) -> None:
    app = new_app()
    async with app.run_test(size=(120, 30)) as pilot:
        await until(lambda: app.link.connection.is_live)
        await pilot.press("2")
        await until(lambda: app.screen.query_one("#table", LiveTable).total == 4)
        await pilot.press("down", "c")
        assert app.clipboard.startswith("pi2")


def written(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


def content(file: Path) -> str:
    return file.read_text(encoding="utf-8")
