"""Keys of one's own: they work, the old ones do not, help and key bar show them; nonsense is refused by its name."""

from collections.abc import Callable
from typing import Any

import pytest
from textual.binding import Binding

from posture_console.app import ConsoleApp
from posture_console.keymap import _views, checked
from posture_console.links.endpoint import parse_endpoint
from posture_console.screens.help import HelpScreen
from posture_console.screens.links import LinksView
from posture_console.settings import ConsoleSettings, Target
from posture_console.widgets.live_table import LiveTable
from posture_shared.exits import Exit, Stop
from support.fake_master import FakeMaster

Until = Callable[..., Any]


def app_with(master: FakeMaster, **keymap: str) -> ConsoleApp:
    named = {action.replace("_", "-"): keys for action, keys in keymap.items()}
    target = Target(parse_endpoint(master.address), None, None, "posture-dark")
    return ConsoleApp(ConsoleSettings(keymap=named), target)


def text_of(app: ConsoleApp) -> str:
    return "\n".join("".join(s.text for s in strip) for strip in app.screen._compositor.render_strips())


async def test_a_remapped_key_works_and_the_usual_one_does_not(master: FakeMaster, until: Until) -> None:
    app = app_with(master, links="f5", view_log="0")
    async with app.run_test(size=(120, 36)) as pilot:
        await until(lambda: app.link.connection.is_live)
        await pilot.press("L")
        assert not isinstance(app.screen, LinksView)
        await pilot.press("f5")
        await until(lambda: isinstance(app.screen, LinksView))
        await pilot.press("0")
        await until(lambda: app.current_mode == "log")


async def test_two_keys_may_change_places(master: FakeMaster, until: Until) -> None:
    app = app_with(master, help="q", quit="question_mark")
    async with app.run_test(size=(120, 36)) as pilot:
        await until(lambda: app.link.connection.is_live)
        await pilot.press("q")
        await until(lambda: isinstance(app.screen, HelpScreen))


async def test_help_and_key_bar_show_the_real_keys(master: FakeMaster, until: Until) -> None:
    app = app_with(master, override="O", links="f5")
    async with app.run_test(size=(120, 60)) as pilot:
        await until(lambda: app.link.connection.is_live and "O Override" in text_of(app))
        assert " o Override" not in text_of(app)
        await pilot.press("question_mark")
        await until(lambda: isinstance(app.screen, HelpScreen) and "Every connection" in text_of(app))
        lines = text_of(app).splitlines()
        assert "f5" in next(line for line in lines if "Every connection" in line).lower()
        assert " O " in next(line for line in lines if "where frames are analysed" in line)


@pytest.mark.parametrize(
    ("keymap", "said"),
    [
        ({"overide": "O"}, r"'keymap\.overide' names no action; there are .*override"),
        ({"override": "u"}, r"'keymap\.override': the key 'u' is taken by 'undo'"),
        ({"override": "foo"}, r"'keymap\.override': 'foo' is no key"),
        ({"override": ""}, r"'keymap\.override': '' is no key"),
        ({"override": "f5", "links": "f5"}, r"the key 'f5' is taken by"),
        ({"filter": "ctrl+q"}, r"'keymap\.filter': the key 'ctrl\+q' is taken by"),
        ({"goto": "q"}, r"'keymap\.goto': the key 'q' is taken by 'quit'"),
    ],
)
def test_nonsense_is_refused_by_the_settings_name(keymap: dict[str, str], said: str) -> None:
    with pytest.raises(Stop, match=said) as refused:
        checked(keymap, ConsoleApp)
    assert refused.value.code is Exit.USAGE


@pytest.mark.parametrize("keymap", [{"override": "O"}, {"mark": "space,m"}, {"goto": "ctrl+g"}, {"filter": "/"}, {}])
def test_sense_is_taken(keymap: dict[str, str]) -> None:
    assert set(checked(keymap, ConsoleApp)) == set(keymap)


def test_every_key_of_a_view_has_a_name_to_remap_it_by() -> None:
    for kind in (*_views(), LiveTable, ConsoleApp):
        nameless = [one for one in Binding.make_bindings(vars(kind).get("BINDINGS", ())) if one.id is None]
        assert not nameless, kind
