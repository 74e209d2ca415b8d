"""How long to wait before the next try: soon at first, never longer than the operator would, never in step."""

import random
from collections.abc import Iterator
from typing import Final

FIRST_S: Final = 0.1
MOST_S: Final = 0.5
"""Short, so that the console is right again within two seconds of a master's return even where that falls into a try
whose packet was lost: TCP repeats it after 1.6 s at most of `WELCOME_S`, or the try ends within a second."""

WELCOME_S: Final = (1.0, 1.0, 4.0)
"""Patience with each try in turn: mostly short, as a packet lost in a cut network is never answered; each third long,
for links with a slow round trip."""


def delays(rng: random.Random | None = None) -> Iterator[float]:
    """Waiting times in seconds: doubling from 0.1 to 0.5, each shortened at random by up to half."""
    chance = rng or random.Random()  # noqa: S311 - spreads retries, guards nothing
    delay = FIRST_S
    while True:
        yield delay * (0.5 + chance.random() / 2)
        delay = min(MOST_S, delay * 2)


def patience_s(attempt: int) -> float:
    """How long try number `attempt` (from 1) waits for the master's welcome."""
    return WELCOME_S[(attempt - 1) % len(WELCOME_S)]
