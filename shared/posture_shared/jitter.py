"""Waits that are never in step: what many wait for at once is not overrun by all of them when it is back."""

import random
from typing import Final

LEAST: Final = 0.7
MOST: Final = 1.3


def jittered(wait_s: float) -> float:
    """`wait_s` seconds, shortened or stretched at random by up to 30 %."""
    return wait_s * random.uniform(LEAST, MOST)  # noqa: S311 - spreads retries, guards nothing
