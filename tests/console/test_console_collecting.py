"""Keys do not wait for the garbage collector, and closed views are given back all the same."""

import gc
import weakref
from collections.abc import Iterator

import pytest
from textual._styles_cache import StylesCache
from textual.color import Color

from posture_console.collecting import AT_LAST_S, EVERYTHING_S, LOOK_S, STILL_S, Collecting

NEVER_S = -1000.0
"""A key long ago."""


class View:
    """Refers to itself, as screens and their widgets do."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def collecting() -> Iterator[Collecting]:
    gc.collect()
    own = Collecting(0.0)
    own.begin()
    yield own
    own.end()


def closed_view() -> "weakref.ref[View]":
    return weakref.ref(View())


def test_no_full_collection_comes_by_itself(collecting: Collecting) -> None:
    before = gc.get_stats()[2]["collections"]
    kept = [View() for _ in range(200_000)]
    assert gc.get_stats()[2]["collections"] == before
    assert len(kept) == 200_000


def test_what_is_new_is_collected_while_no_key_is_pressed(collecting: Collecting) -> None:
    closed = closed_view()
    collecting.look(LOOK_S, LOOK_S - STILL_S)
    assert closed() is None


def test_a_key_a_moment_ago_puts_it_off_but_not_for_ever(collecting: Collecting) -> None:
    gc.collect(1)
    closed = closed_view()
    gc.disable()
    collecting.look(LOOK_S, LOOK_S - STILL_S / 2)
    assert closed() is not None
    collecting.look(AT_LAST_S, AT_LAST_S)
    gc.enable()
    assert closed() is None


def test_what_stays_is_not_looked_at_again(collecting: Collecting) -> None:
    kept = [View() for _ in range(1000)]
    collecting.look(LOOK_S, NEVER_S)
    assert gc.get_freeze_count() > len(kept)
    assert len(gc.get_objects()) < len(kept)


def test_a_view_closed_later_is_given_back_when_everything_is_looked_through(collecting: Collecting) -> None:
    view = View()
    closed = weakref.ref(view)
    collecting.look(LOOK_S, NEVER_S)
    del view
    collecting.look(2 * LOOK_S, NEVER_S)
    assert closed() is not None
    collecting.look(EVERYTHING_S, NEVER_S)
    assert closed() is None


def test_a_closed_widget_is_not_kept_for_the_borders_it_had(collecting: Collecting) -> None:
    painted = StylesCache()
    painted.get_inner_outer(Color(0, 0, 0), Color(1, 1, 1))
    closed = weakref.ref(painted)
    del painted
    collecting.look(EVERYTHING_S, NEVER_S)
    assert closed() is None


def test_in_the_end_the_collector_is_as_it_was() -> None:
    before = gc.get_threshold()
    own = Collecting(0.0)
    own.begin()
    assert gc.get_threshold() != before
    own.end()
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
