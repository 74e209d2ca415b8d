import pytest

from support.intake_desk import Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()
