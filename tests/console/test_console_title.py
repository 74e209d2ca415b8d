"""The title line: on a narrow screen our own name leaves before the clock is cut."""

from datetime import timedelta

import msgspec

from posture_console.core.connection import Connection, Phase
from posture_console.core.header import title
from posture_console.core.reading import Reading
from posture_console.core.spans import cell_width, plain
from posture_console.core.store import SiteStore
from posture_shared.records import Override
from support.scene import Scene

LIVE = Connection(address="tcp://x:1", phase=Phase.LIVE)


def overridden_site() -> SiteStore:
    scene = Scene()
    held = Override(
        scope="pi2",
        target="node:agx-1",
        reason="r",
        author="a",
        since=scene.at,
        until=scene.at + timedelta(minutes=30, seconds=5),
    )
    store = SiteStore()
    store.load(msgspec.structs.replace(scene.site("e", 1), overrides=[held], at=scene.at), 0.0)
    return store


def test_at_80_columns_site_badge_and_clock_are_whole() -> None:
    shown = title(Reading(overridden_site(), LIVE, 0.0, site="clinic"), 80)
    assert cell_width(shown) <= 80
    for part in ("clinic", "pi2 → agx-1 30m", "● live"):
        assert part in plain(shown)
    assert plain(shown).rstrip()[-3] == ":"
    assert "posture edge" not in plain(shown)


def test_where_there_is_room_our_name_is_there() -> None:
    assert "posture edge" in plain(title(Reading(overridden_site(), LIVE, 0.0, site="clinic"), 140))
