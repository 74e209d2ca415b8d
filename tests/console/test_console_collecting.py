"""Keys do not wait for the garbage collector, and closed views are given back all the same."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from posture_console import collecting


class View:
    """Refers to itself, as screens and their widgets do."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def own_collector() -> Iterator[None]:
    yield
    gc.callbacks.clear()
    gc.unfreeze()


def test_what_survives_a_full_collection_is_not_looked_at_by_the_next() -> None:
    collecting.collect_what_is_new()
    kept = [View() for _ in range(1000)]
    gc.collect()
    assert gc.get_freeze_count() > len(kept)
    assert len(gc.get_objects()) < len(kept)


def test_a_closed_view_is_given_back_when_everything_is_looked_through() -> None:
    collecting.collect_what_is_new()
    view = View()
    closed = weakref.ref(view)
    gc.collect()
    del view
    gc.collect()
    assert closed() is not None
    collecting.collect_everything()
    assert closed() is None


def test_beginning_twice_changes_nothing() -> None:
    collecting.collect_what_is_new()
    collecting.collect_what_is_new()
    assert len(gc.callbacks) == 1
