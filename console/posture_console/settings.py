"""The console's settings and its contexts: named sites with an address, a key and a look of their own."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field

from posture_console.links.endpoint import DEFAULT_ADDRESS, Endpoint, parse_endpoint
from posture_shared.exits import Exit, Stop
from posture_shared.settings import Settings

PROGRAM: Final = "console"
Pictures = Literal["auto", "blocks", "kitty", "sixel", "figure"]
ThemeName = Literal["posture-dark", "posture-light", "posture-safe", "posture-contrast", "posture-mono"]


class Context(BaseModel):
    """A named site."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    connect: str
    """Address of the master's control socket, tcp://HOST:PORT."""

    key: Path | None = None
    """File of this console's key for that site, or the name of one in `keys_dir`."""

    theme: ThemeName | None = None
    """Theme of the console while it shows that site."""

    production: bool = False
    """Shows a red badge with the site's name, so that nobody mistakes it for a test site."""

    read_only: bool = False
    """Refuses everything that would change that site: overrides, Jobs, calibration, pauses, silences."""


class ConsoleSettings(Settings):
    """Settings of `posture-console`."""

    connect: str = DEFAULT_ADDRESS
    """Address of the master's control socket, tcp://HOST:PORT."""

    key: Path | None = None
    """File of this console's key, or the name of one in `keys_dir`; a master that uses keys answers nobody without."""

    keys_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_config_dir("posture")) / "keys",
        json_schema_extra={"default": "`~/.config/posture/keys`"},
    )
    """Folder of imported keys (`posture-console keys import`)."""

    context: str | None = None
    """Name of the site to use, one of `contexts`."""

    contexts: dict[str, Context] = Field(default_factory=dict)
    """Named sites: a table `[console.contexts.NAME]` with connect, key, theme, production, read_only."""

    keymap: dict[str, str] = Field(default_factory=dict)
    """Keys of one's own, action = "key" or "key,key"; the actions are in docs/console.md."""

    timeout_s: float = Field(default=5.0, gt=0, le=3600)
    """Seconds that a verb waits for the master before it ends with exit code 3; 0–3600."""

    theme: ThemeName = "posture-dark"
    """Look of the console: posture-dark, -light, -safe (for colour-blind eyes), -contrast (high), -mono (no colour)."""

    pictures: Pictures = "auto"
    """How pictures are drawn: auto (what the terminal is known to do), blocks, kitty, sixel, figure (angles only)."""

    results_kept: int = Field(default=500, ge=10, le=2000)
    """Newest results that are asked for when the console connects; 10–2000."""


@dataclass(frozen=True, slots=True)
class Target:
    """The site that was chosen: its name where it has one, its master, its key and theme."""

    endpoint: Endpoint
    key: Path | None
    name: str | None
    theme: ThemeName
    production: bool = False
    read_only: bool = False

    @property
    def refusal(self) -> str:
        """Why nothing may be changed there; empty where it may."""
        if not self.read_only:
            return ""
        here = "this console" if self.name is None else f"the context '{self.name}'"
        return f"{here} is read-only: nothing can be changed through it"


def chosen_target(settings: ConsoleSettings, *, given: Collection[str] = ()) -> Target:
    """Which master to talk to, and how it looks.

    What the command line gave (`given`, names of settings) wins over a context, a context over what files and the
    environment say for every site.

    Raises:
        Stop: the context is unknown, or the address is none.
    """
    if settings.context is None or "connect" in given:
        return Target(parse_endpoint(settings.connect), _key_file(settings, settings.key), None, settings.theme)
    site = target_named(settings, settings.context)
    if "key" in given:
        site = replace(site, key=_key_file(settings, settings.key))
    return replace(site, theme=settings.theme) if "theme" in given else site


def target_named(settings: ConsoleSettings, name: str) -> Target:
    """The site of a context.

    Raises:
        Stop: there is none of that name, or its address is none.
    """
    context = settings.contexts.get(name)
    if context is None:
        known = ", ".join(sorted(settings.contexts)) or "none is configured"
        raise Stop(f"the context '{name}' is unknown (known: {known})", Exit.USAGE)
    return Target(
        parse_endpoint(context.connect),
        _key_file(settings, context.key or settings.key),
        name,
        context.theme or settings.theme,
        context.production,
        context.read_only,
    )


def _key_file(settings: ConsoleSettings, key: Path | None) -> Path | None:
    """The file of a key: one that was named alone is an imported one."""
    if key is None:
        return None
    file = key.expanduser()
    alone = len(file.parts) == 1 and not file.suffix and not file.exists()
    return settings.keys_dir / f"{key}.key" if alone else file
