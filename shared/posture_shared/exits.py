"""Exit codes, and the one place where an error becomes one clear line and a code.

Programs raise `Stop` where they know what is wrong; `run` prints the sentence to stderr and exits.
"""

import os
import sys
from collections.abc import Callable
from enum import IntEnum

import click

from posture_shared.text import one_line


class Exit(IntEnum):
    """The exit codes of every command."""

    DONE = 0
    NOT_WELL = 1
    """The thing asked about is not well."""
    USAGE = 2
    """Wrong use or setting."""
    UNREACHABLE = 3
    """A service cannot be reached, or another master took over."""
    REFUSED = 4
    """Key or role refused."""


class Stop(Exception):  # noqa: N818 - it ends the program, whether or not that is an error
    """Ends the program with a sentence for the person who must act and an exit code."""

    def __init__(self, sentence: str, code: Exit = Exit.NOT_WELL) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code


def run(command: Callable[[], object]) -> None:
    """Run a click command as the program: exit codes as `Exit`, one line for each error, no traceback.

    A sentence may quote another machine: what could move the cursor is shown, not obeyed.
    `command` is called without arguments; a click command reads `sys.argv` itself.
    """
    program = os.path.basename(sys.argv[0]) or "posture"  # noqa: PTH119 - argv[0] is text, not a place
    try:
        group = command
        code = group.main(standalone_mode=False) if isinstance(group, click.Command) else group()
    except Stop as stop:
        if stop.sentence:
            click.echo(f"{program}: {one_line(stop.sentence)}", err=True)
        sys.exit(stop.code)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(Exit.USAGE)
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = f"; see '{context.command_path} --help'" if context is not None else ""
        click.echo(f"{program}: {error.format_message().rstrip('.')}{hint}", err=True)
        sys.exit(Exit.USAGE)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output went away: not an error
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(Exit.DONE)
    sys.exit(code if isinstance(code, int) else Exit.DONE)
