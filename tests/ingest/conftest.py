import pytest

from support.intake_desk import Desk
from support.watched import Watched


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def watched() -> Watched:
    return Watched()
