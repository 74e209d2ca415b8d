"""Settings of the store: what is kept, for how long, and how much of the disk it may take."""

from typing import Annotated, Final, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

MIB: Final = 1024 * 1024
GIB: Final = 1024 * MIB

DRAINED_DAYS: Final = 7
"""With a database: how long a row stays once it is drained, however little room there is."""

Days = Annotated[float, Field(ge=1, le=36500)]


class StoreSettings(BaseModel):
    """What is kept, and for how long."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    group_ms: float = Field(20, ge=0, le=20)
    """How long a group commit may collect, ms, 0-20."""
    rows_days: float = Field(DRAINED_DAYS, ge=DRAINED_DAYS, le=36500)
    """With a database: how long rows stay in `posture.db` once they are drained, days, at least 7. A row stays at
    least as long as its picture."""
    keep_days: float = Field(365, ge=7, le=36500)
    """Without a database `posture.db` is the store: how long rows stay in it, days, at least 7."""
    bad_keep_days: float | None = Field(None, ge=7, le=36500)
    """The same for rows of bad posture and of episodes, days, at least `keep_days`; empty: twice as long."""
    keep_bytes: int = Field(4 * GIB, ge=64 * MIB)
    """The most that rows in `posture.db` may take, bytes, at least 64 MiB; then those nearest to the end of their time
    go. With a database only such as were drained 7 days ago: what has not arrived there stays."""
    log_days: float = Field(365, ge=30, le=36500)
    """How long decisions, commands, episodes, refused rows and former baselines stay in `posture.db`, days, at least
    30; with a database only what is drained goes, without one episodes stay as long as their rows."""
    pictures_days: Days = 30
    """How long annotated pictures are kept, days, 1-36500."""
    bad_pictures_days: Days = 90
    """How long pictures of bad posture and of episodes are kept, days, at least `pictures_days`."""
    pictures_bytes: int = Field(10 * GIB, ge=MIB)
    """The most that all pictures may take, bytes, at least 1 MiB; then those nearest to the end of their time go."""
    free_bytes: int = Field(512 * MIB, ge=0)
    """What stays free on the disk, bytes; below it no pictures are written and rows go on, until there is room."""
    every_minutes: float = Field(5, ge=0.01, le=1440)
    """How often the running master removes what is due, minutes, up to a day."""

    @property
    def bad_rows_days(self) -> float:
        """How long rows of bad posture stay without a database, days."""
        return 2 * self.keep_days if self.bad_keep_days is None else self.bad_keep_days

    @model_validator(mode="after")
    def _bad_longest(self) -> Self:
        if self.bad_rows_days < self.keep_days:
            raise ValueError(f"bad_keep_days ({self.bad_rows_days:g}) must be at least keep_days ({self.keep_days:g})")
        if self.bad_pictures_days < self.pictures_days:
            raise ValueError(
                f"bad_pictures_days ({self.bad_pictures_days:g}) must be at least pictures_days"
                f" ({self.pictures_days:g})"
            )
        return self


class Keeping(NamedTuple):
    """All that decides what is kept. `drains`: there is a database; without one `posture.db` is the store."""

    store: StoreSettings
    seen_days: float
    drains: bool
