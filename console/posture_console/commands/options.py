"""The options that every verb takes, before it or after it, and the settings they lead to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from posture_console.settings import PROGRAM, ConsoleSettings, Target, chosen_target
from posture_shared.settings import Loaded, load

F = TypeVar("F", bound=Callable[..., Any])

_SETTINGS: Final = ("connect", "context", "key", "timeout_s", "theme", "pictures")
_OPTIONS: Final = (
    click.option("--connect", metavar="tcp://HOST:5571", help="The master's control socket."),
    click.option("--context", metavar="NAME", help="A site named in the configuration."),
    click.option(
        "--key",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="This console's key, or an imported one's name.",
    ),
    click.option("--json", "as_json", is_flag=True, default=None, help="JSON on stdout."),
    click.option("--timeout", "timeout_s", type=float, metavar="SECONDS", help="Wait this long for the master. [5]"),
    click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="A configuration file."),
)


@dataclass
class Chosen:
    """What the command line said so far: the program's own options, then the verb's."""

    given: dict[str, Any] = field(default_factory=dict)

    @property
    def as_json(self) -> bool:
        """Whether JSON is wanted."""
        return bool(self.given.get("as_json"))

    def take(self, options: dict[str, Any]) -> None:
        """Add options; what stands nearer to the verb wins."""
        self.given.update({name: value for name, value in options.items() if value is not None})

    def loaded(self) -> Loaded[ConsoleSettings]:
        """The settings and where each came from.

        Raises:
            Stop: a setting is wrong.
        """
        flags = {name: self.given.get(name) for name in _SETTINGS}
        return load(ConsoleSettings, PROGRAM, flags=flags, config=self.given.get("config"))

    def target(self, settings: ConsoleSettings) -> Target:
        """The master to talk to.

        Raises:
            Stop: no such context or address.
        """
        return chosen_target(settings, given=self.given)


def everywhere(command: F) -> F:
    """Give a command the options that work on every verb; they arrive in `Chosen`, not as arguments."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def taken(context: click.Context, options: dict[str, Any]) -> Chosen:
    """The `Chosen` of this run with `options` of the present command added."""
    chosen = context.ensure_object(Chosen)
    names = ("connect", "context", "key", "as_json", "timeout_s", "config")
    chosen.take({name: options.pop(name, None) for name in names})
    return chosen
